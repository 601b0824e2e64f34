"""The service as processes: engine, projector and API under one command."""
