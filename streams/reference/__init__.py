"""Reference data in a database, and its way into the input log."""
