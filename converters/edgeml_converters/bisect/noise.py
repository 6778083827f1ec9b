"""Noise and signal of one tensor in two files, summed over samples."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

NOT_FINITE_DB = -200.0
"""For NaN or infinity where the reference has none: lower than any noise makes it."""
Floats = npt.NDArray[Any]


@dataclass
class Noise:
    """Sums of squares. axes: those that may be of the channels, for `of_channels_db`."""

    axes: tuple[int, ...] = ()
    finite: bool = True
    signal: float = 0.0
    noise: float = 0.0
    _by_channel: dict[int, Floats] = field(default_factory=dict[int, Floats])

    def add(self, suspect: Floats, reference: Floats) -> None:
        """One sample or more, both of one shape; float32 or wider."""
        with np.errstate(over="ignore", invalid="ignore"):
            noise = suspect - reference
            powers = np.vdot(reference, reference), np.vdot(noise, noise)
        if not np.isfinite(powers).all():  # which is seldom, and takes several times as long
            noise, reference = self._known(suspect, reference)
            powers = np.vdot(reference, reference), np.vdot(noise, noise)
        self.signal += float(powers[0])
        self.noise += float(powers[1])
        for axis in self.axes:
            sums = np.stack([_of_channels(each, axis) for each in (reference, noise)])
            before = self._by_channel.get(axis)
            fits = before is not None and before.shape == sums.shape
            self._by_channel[axis] = before + sums if before is not None and fits else sums

    def _known(self, suspect: Floats, reference: Floats) -> tuple[Floats, Floats]:
        """Noise and signal, 0 where either file has no number; minus infinity in an attention mask
        is no fault where both have it."""
        suspect, reference = suspect.astype(np.float64), reference.astype(np.float64)
        same = (suspect == reference) | (np.isnan(suspect) & np.isnan(reference))
        finite = np.isfinite(reference)
        self.finite &= bool((np.isfinite(suspect) | same).all())
        known = finite & np.isfinite(suspect)
        signal = np.where(known, reference, 0.0)
        return np.where(known, suspect, 0.0) - signal, signal

    @property
    def snr_db(self) -> float | None:
        """Of all channels together: None where there is no noise, 0 where there is no signal."""
        if not self.finite:
            return NOT_FINITE_DB
        if self.noise == 0.0:
            return None
        return float(10 * np.log10(self.signal / self.noise)) if self.signal > 0 else 0.0

    @property
    def of_channels_db(self) -> float | None:
        """Noise in shares of the signal, a mean over channels: one scale for all of them loses
        those that are small, which hides in sums over all. What is lost altogether is 1. None where
        there is no noise."""
        if not self.finite:
            return NOT_FINITE_DB
        worst = 0.0
        for signal, noise in self._by_channel.values() or [(self.signal, self.noise)]:
            signal, noise = np.atleast_1d(signal), np.atleast_1d(noise)
            heard = signal > 0
            shares = np.where(heard, np.minimum(1.0, noise / np.where(heard, signal, 1.0)), 0.0)
            worst = max(worst, float(shares.sum() / max(1, heard.sum())))
        return None if worst == 0.0 else float(-10 * np.log10(worst))


def _of_channels(values: Floats, axis: int) -> Floats:
    """The sum of squares of each, as float64."""
    places = list(range(values.ndim))
    sums: Floats = np.einsum(values, places, values, places, [axis])
    return sums.astype(np.float64)
