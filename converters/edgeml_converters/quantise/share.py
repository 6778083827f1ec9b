"""How much of all weights some of them are."""

from collections.abc import Iterable


def share(weights: Iterable[tuple[int, bool]]) -> float:
    """In per cent: of the elements, which each had 4 bytes in the float file."""
    sizes = list(weights)
    every = sum(size for size, _ in sizes)
    return 100.0 * sum(size for size, quantised in sizes if quantised) / every if every else 0.0
