"""Engines that run the summarize templates."""
