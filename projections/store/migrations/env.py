"""What Alembic runs: the connection comes from the caller, so does its transaction."""

from __future__ import annotations

from alembic import context

from projections.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=False,
)
context.run_migrations()
