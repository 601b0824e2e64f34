"""Fills for replay: recorded markets that our children meet, and a plain market made of them."""
