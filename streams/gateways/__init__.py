"""Gateways that speak topics: simulated venues as the reference of how one behaves, kill latch."""
