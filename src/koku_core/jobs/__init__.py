"""Slow work: a queue in the same PostgreSQL, and the runner that works it off."""
