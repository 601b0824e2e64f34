"""The engine on Kafka: a Faust app that owns shards, and everything around it."""
