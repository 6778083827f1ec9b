"""Numbers whose squares float64 does not hold: 1e300, or 1e-300."""

from collections.abc import Callable

import numpy as np

from edgeml.parity.blocks import chunks
from edgeml.parity.figures import Array, Floats

_LARGE = 1e60  # squares of squares of larger numbers overflow, those of their reciprocals vanish
_MOST = 1e60  # in units: so far off that nothing else matters
_FARTHEST = 1e70  # of numbers of which the largest may be 1e60


def units(model: Array, of: Callable[[Array], Floats], axis: int) -> Floats:
    """What to divide each slice along `axis` by: [slices], powers of two, 1 where any will do. The
    slices are those that `of` gives, which may be fewer than the model's.

    A slice of zeros has the least that any other has. Only float64 has such numbers.
    """
    ones = np.ones(of(model[:1]).shape[axis] if len(model) else model.shape[axis])
    if model.dtype != np.float64 or not model.size:
        return ones
    rest = tuple(a for a in range(model.ndim) if a != axis)
    largest = np.zeros_like(ones)
    for rows in chunks(model):
        values = np.abs(of(model[rows]))
        largest = np.maximum(largest, np.where(np.isfinite(values), values, 0.0).max(axis=rest))
    extreme = (largest > _LARGE) | ((largest > 0) & (largest < 1 / _LARGE))
    if not extreme.any():
        return ones
    unit = np.exp2(np.floor(np.log2(np.where(largest > 0, largest, 1.0))))
    least: Floats = np.where(largest > 0, unit, unit[largest > 0].min())
    return least


def bounded(values: Floats, unit: Floats | float, most: float = _MOST) -> Floats:
    """In the unit; numbers that are very far off are near enough."""
    if np.all(unit == 1) and most == _MOST:
        return values
    with np.errstate(over="ignore"):
        scaled = values / unit
    found: Floats = np.where(np.isfinite(values), scaled.clip(-most, most), values)
    return found


def common_unit(values: Array) -> float:
    """A power of two for all of them, 1 where any will do."""
    largest = _largest(values)
    if largest == 0.0 or 1 / _LARGE <= largest <= _LARGE:
        return 1.0
    return float(np.exp2(np.floor(np.log2(largest))))


def within(model: Array, variant: Array) -> tuple[Array, Array]:
    """Both in one unit, so that no difference or sum overflows; as they are where none does.

    For figures of which a common factor changes nothing, once numbers are so large. What the
    variant has beyond everything is far off in the unit too.
    """
    if model.dtype != np.float64 and variant.dtype != np.float64:
        return model, variant
    largest = max(_largest(model), _largest(variant))
    if largest <= _LARGE:
        return model, variant
    unit = max(1.0, common_unit(model) / _LARGE)
    r, v = (bounded(array.astype(np.float64), unit, _FARTHEST) for array in (model, variant))
    return r, v


def _largest(values: Array) -> float:
    return float(np.abs(values).max(initial=0.0, where=np.isfinite(values)))
