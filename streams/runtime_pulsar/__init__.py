"""The engine on Pulsar: failover subscriptions own shards, the broker drops what it has."""
