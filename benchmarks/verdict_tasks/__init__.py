"""The tasks by which verdict.py measures: nets that it trains itself, on data from a seed."""
