"""Tells: pure views over the output log."""
