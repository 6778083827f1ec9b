"""How much noise each operator of a file adds by itself."""

from collections.abc import Mapping
from pathlib import Path

from edgeml.manifest import Format
from edgeml_converters.bisect.alone import Alone, alone
from edgeml_converters.bisect.noise import Noise
from edgeml_converters.formats.tensors import Arrays

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
        self._noise: dict[str, Noise] = {}
        self._names: list[str] = []
        self._alone: Alone | None = None
        try:
            self._alone = alone(form, reference, cut_at, engine)
        except Exception:
            return
        self._names = [*self._alone.names]

    def add(self, suspect: Arrays, feeds: Arrays) -> None:
        if self._alone is None:
            return
        try:
            found = self._alone.run(suspect, feeds)
        except Exception:
            self._alone, self._noise = None, {}
            return
        for name in list(self._names):
            if found[name].shape == suspect[name].shape:
                axes = channel_axes(self._format, found[name].ndim)
                self._noise.setdefault(name, Noise(axes)).add(suspect[name], found[name])
            else:
                self._names.remove(name)  # for every sample
                self._noise.pop(name, None)

    def snr_db(self, name: str) -> float | None:
        """None where it is exact or not known."""
        return self._noise[name].of_channels_db if name in self._noise else None


def channel_axes(form: Format, axes: int) -> tuple[int, ...]:
    """Those that may be of the channels, as the format has them: of three axes in ONNX both."""
    if axes < 2:
        return ()
    if form == "tflite":
        return (axes - 1,)
    return (1, 2) if axes == _MAP_AXES - 1 else (1,)
