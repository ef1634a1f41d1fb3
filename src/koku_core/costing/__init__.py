"""What usage costs: rates, cost models, price lists and their metrics, and the engine that prices a month."""
