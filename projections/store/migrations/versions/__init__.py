"""Migrations of the read models, run by `projections.store.migrate`."""
