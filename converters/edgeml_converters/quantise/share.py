"""The share of the weights that are quantised."""

from collections.abc import Iterable


def share(weights: Iterable[tuple[int, bool]]) -> float:
    """The quantised share of all elements in per cent; 0 without weights.

    weights: (number of elements, whether quantised) of each. An element has 4 bytes in the float
    file, so that this is the share of the bytes too.
    """
    sizes = list(weights)
    every = sum(size for size, _ in sizes)
    return 100.0 * sum(size for size, quantised in sizes if quantised) / every if every else 0.0
