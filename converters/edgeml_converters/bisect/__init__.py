"""Where inside a variant its answers go wrong, where that comes from, and what may mend it."""
