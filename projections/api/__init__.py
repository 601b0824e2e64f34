"""The REST API: reads from the read models, writes through the command port."""
