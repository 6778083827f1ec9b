"""Two models of any formats on one and the same data."""
