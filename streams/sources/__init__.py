"""Recorded markets as input records: dataset files in, ordered market records and orders out."""
