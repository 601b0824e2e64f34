"""Measures of speed, each printed and none asserted by a clock."""
