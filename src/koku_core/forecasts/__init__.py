"""Forecasts: how the costs of the last 31 days go on until the month ends. The extra `forecast` of koku-core brings the statistics."""
