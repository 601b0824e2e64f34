"""Read models in a database: tables, migrations, the writer, queries."""
