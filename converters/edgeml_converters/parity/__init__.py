"""What counts as the same, and what every engine says at every level of optimisation."""
