"""Benchmarks: `python -m benchmarks` measures ingestion and reports and prints tables."""
