"""Measures routing quality against known truth; the only room that may see the truth."""
