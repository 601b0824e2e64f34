"""The embedded runtime: one ordered log, one engine and one fill simulator for each shard."""
