"""Two files of one model, tensor by tensor on the same inputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeml.errors import InputError
from edgeml.evidence import TensorFidelity
from edgeml.manifest import Format
from edgeml_converters.bisect.origin import source_of
from edgeml_converters.bisect.own import NOT_FINITE_DB, OwnNoise
from edgeml_converters.bisect.probe import Place, Probe
from edgeml_converters.formats.tensors import Arrays


@dataclass
class _Power:
    """Sums of squares over all samples."""

    signal: float = 0.0
    noise: float = 0.0
    finite: bool = True

    def add(self, suspect: npt.NDArray[Any], reference: npt.NDArray[Any]) -> None:
        # Minus infinity in an attention mask is no fault where both files have it.
        same = (suspect == reference) | (np.isnan(suspect) & np.isnan(reference))
        finite = np.isfinite(reference)
        self.finite &= bool((np.isfinite(suspect) | same).all())
        self.signal += float(np.square(reference[finite]).sum())
        rest = finite & np.isfinite(suspect)
        self.noise += float(np.square(suspect[rest] - reference[rest]).sum())

    @property
    def snr_db(self) -> float | None:
        """Signal to noise in dB: None where there is no noise, 0 where there is no signal."""
        if not self.finite:
            return NOT_FINITE_DB
        if self.noise == 0.0:
            return None
        return float(10 * np.log10(self.signal / self.noise)) if self.signal > 0 else 0.0


def trace(
    form: Format,
    suspect: Path,
    reference: Path,
    inputs: Arrays,
    sources: Mapping[str, str],
    engine: str = "",
) -> tuple[TensorFidelity, ...]:
    """How far each float tensor inside `suspect` is from the one of its name in `reference`.

    inputs: by the files' own names, first axis the sample. sources: tensor or node -> where in the
    model it comes from; without it the names that exporters write are interpreted. engine: which
    one shows the tensors; only TFLite has more than one.
    Tensors are in the order in which the reference computes them; op is the one that computes them
    there. Loads engines: for the worker process. Raises InputError when the files compute no tensor
    of the same name.
    """
    suspect_probe, reference_probe = (_probe(form, path, engine) for path in (suspect, reference))
    in_suspect = {place.name for place in suspect_probe.places}
    shared = [place for place in reference_probe.places if place.name in in_suspect]
    if all(place.op == "Input" for place in shared):
        raise InputError(
            f"{suspect.name} and {reference.name} compute no tensor of one name; compare a variant "
            "with the float file that it was made of."
        )
    powers = {place.name: _Power() for place in shared}
    own = OwnNoise(form, reference, {place.name: place.dtype for place in shared}, engine)
    for start, step in _pieces(inputs, min(suspect_probe.samples, reference_probe.samples)):
        feeds = {name: array[start : start + step] for name, array in inputs.items()}
        suspect_values, reference_values = suspect_probe.run(feeds), reference_probe.run(feeds)
        for name in list(powers):
            if suspect_values[name].shape == reference_values[name].shape:
                powers[name].add(suspect_values[name], reference_values[name])
            else:
                del powers[name]  # two tensors that only share a name
        own.add(suspect_values, feeds)
    return tuple(
        TensorFidelity(
            name=place.name,
            op=place.op,
            source=_source(place, sources),
            snr_db=powers[place.name].snr_db,
            own_snr_db=powers[place.name].snr_db if place.op == "Input" else own.snr_db(place.name),
        )
        for place in shared
        if place.name in powers
    )


def _probe(form: Format, path: Path, engine: str) -> Probe:
    if form == "onnx":
        from edgeml_converters.bisect.onnx_probe import OnnxProbe

        return OnnxProbe(path)
    from edgeml_converters.bisect.tflite_probe import TfliteProbe

    return TfliteProbe(path, engine or "litert")


def _pieces(inputs: Arrays, samples: int) -> list[tuple[int, int]]:
    total = len(next(iter(inputs.values())))
    return [(start, samples) for start in range(0, total, samples)]


def _source(place: Place, sources: Mapping[str, str]) -> str:
    known = next((sources[hint] for hint in place.hints if hint in sources), None)
    if known is not None:
        return known
    return next((source for source in map(source_of, place.hints) if source), "")
