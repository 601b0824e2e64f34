"""Brings the world in and out: log, readers, simulator, runtimes, command line."""
