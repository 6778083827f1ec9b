"""How much noise each operator of a file adds by itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeml.manifest import Format
from edgeml_converters.bisect.alone import Alone, alone
from edgeml_converters.formats.tensors import Arrays

NOT_FINITE_DB = -200.0
"""For NaN or infinity where the reference has none: lower than any noise makes it."""
_MAP_AXES = 4  # samples, channels, height, width


class OwnNoise:
    """Of each operator: the suspect's tensor against what the reference's operator makes of the
    suspect's own inputs. Where an engine does not take the file in pieces nothing is known.

    cut_at: the tensors that both files have, name -> dtype in the reference.
    """

    def __init__(
        self, form: Format, reference: Path, cut_at: Mapping[str, str], engine: str
    ) -> None:
        self._format: Format = form
        self._shares: dict[str, _Shares] = {}
        self._alone: Alone | None = None
        try:
            self._alone = alone(form, reference, cut_at, engine)
        except Exception:
            return
        self._shares = {name: _Shares() for name in self._alone.names}

    def add(self, suspect: Arrays, feeds: Arrays) -> None:
        if self._alone is None:
            return
        try:
            found = self._alone.run(suspect, feeds)
        except Exception:
            self._alone, self._shares = None, {}
            return
        for name in list(self._shares):
            if found[name].shape == suspect[name].shape:
                axes = channel_axes(self._format, found[name].ndim)
                self._shares[name].add(suspect[name], found[name], axes)
            else:
                del self._shares[name]

    def snr_db(self, name: str) -> float | None:
        """None where it is exact or not known."""
        return self._shares[name].snr_db if name in self._shares else None


def channel_axes(form: Format, axes: int) -> tuple[int, ...]:
    """Those that may be of the channels, as the format has them: of three axes in ONNX both."""
    if axes < 2:
        return ()
    if form == "tflite":
        return (axes - 1,)
    return (1, 2) if axes == _MAP_AXES - 1 else (1,)


class _Shares:
    """Noise in shares of the signal, a mean over channels: one scale for all of them loses those
    that are small, which hides in sums over all. What is lost altogether is 1."""

    def __init__(self) -> None:
        self._finite = True
        self._sums: dict[int, npt.NDArray[np.float64]] = {}

    def add(
        self, suspect: npt.NDArray[Any], reference: npt.NDArray[Any], axes: tuple[int, ...]
    ) -> None:
        finite = np.isfinite(reference)
        same = (suspect == reference) | (np.isnan(suspect) & np.isnan(reference))
        self._finite &= bool((np.isfinite(suspect) | same | ~finite).all())
        known = finite & np.isfinite(suspect)
        signal = np.where(known, reference, 0.0)
        noise = np.where(known, suspect, 0.0) - signal
        for axis in axes or (-1,):
            others = tuple(each for each in range(signal.ndim) if each != axis)
            sums = np.stack(
                [np.square(each).sum(axis=others if axes else None) for each in (signal, noise)]
            )
            before = self._sums.get(axis)
            fits = before is not None and before.shape == sums.shape
            self._sums[axis] = before + sums if before is not None and fits else sums

    @property
    def snr_db(self) -> float | None:
        if not self._finite:
            return NOT_FINITE_DB
        worst = 0.0
        for signal, noise in self._sums.values():
            signal, noise = np.atleast_1d(signal), np.atleast_1d(noise)
            heard = signal > 0
            shares = np.where(heard, np.minimum(1.0, noise / np.where(heard, signal, 1.0)), 0.0)
            worst = max(worst, float(shares.sum() / max(1, heard.sum())))
        return None if worst == 0.0 else float(-10 * np.log10(worst))
