"""The `sor` command: one file a verb, imported only when it is used."""
