"""What the running service tells about itself: logs, metrics, traces."""
