"""Biases that take back what rounding a layer's weights adds on average.

Of rounded weights w' the answer to an input x is off by (w' - w) x. Its mean is the same in every
sample, and behind a ReLU, where inputs are not around zero, it is often most of the noise. A bias
takes it back and costs nothing. Source: Nagel et al., Data-Free Quantization Through Weight
Equalization and Bias Correction, 2019, section 4.2; the means are those of the calibration.
"""

from dataclasses import dataclass, field

import numpy as np

from edgeml_converters.formats.tensors import Array
from edgeml_converters.quantise.rounding import round_weight

_ALWAYS: Array = np.ones(1)


@dataclass
class Mean:
    """Of each channel of what a layer takes, over all that was added.

    shape: of what was added last.
    """

    shape: tuple[int, ...] = ()
    _count: int = 0
    _sum: Array = field(default_factory=lambda: np.zeros(1))

    def add(self, values: Array, axis: int = -1) -> None:
        """values: finite; axis: of the channels."""
        others = tuple(i for i in range(values.ndim) if i != axis % values.ndim)
        self.shape = values.shape
        self._count += values.size // values.shape[axis]
        self._sum = self._sum + values.sum(axis=others, dtype=np.float64)

    @property
    def value(self) -> Array:
        return self._sum / max(1, self._count)


def shift(weight: Array, mean: Array, *, per_channel: bool, shares: Array = _ALWAYS) -> Array:
    """What the bias of each channel of a layer gains, in its order.

    weight: [outputs, inputs of a group, taps of the kernel ...]. mean: of the inputs of all groups,
    where the channels of a group are neighbours. shares: of each tap, see `kernels.read_share`.
    """
    steps, scale = round_weight(weight, 0 if per_channel else None)
    error = weight.astype(np.float64) - steps * scale.astype(np.float64)
    outputs, inputs = error.shape[:2]
    of_inputs = (error.reshape(outputs, inputs, -1) * shares).sum(axis=2)
    groups = mean.reshape(-1, inputs)
    return np.asarray((of_inputs * groups.repeat(outputs // len(groups), axis=0)).sum(axis=1))
