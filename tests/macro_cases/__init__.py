"""One template that uses every macro, for every engine."""
