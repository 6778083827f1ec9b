"""Two files of one model, tensor by tensor on the same inputs."""

from collections.abc import Mapping
from pathlib import Path

from edgeml.errors import InputError
from edgeml.evidence import TensorFidelity
from edgeml.manifest import Format
from edgeml_converters.bisect.noise import Noise
from edgeml_converters.bisect.origin import source_of
from edgeml_converters.bisect.own import OwnNoise
from edgeml_converters.bisect.probe import Place, Probe
from edgeml_converters.formats.tensors import Arrays


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
    powers = {place.name: Noise() for place in shared}
    own = OwnNoise(form, reference, {place.name: place.dtype for place in shared}, engine)
    for sample in range(len(next(iter(inputs.values())))):
        feeds = {name: array[sample : sample + 1] for name, array in inputs.items()}
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


def _source(place: Place, sources: Mapping[str, str]) -> str:
    known = next((sources[hint] for hint in place.hints if hint in sources), None)
    if known is not None:
        return known
    return next((source for source in map(source_of, place.hints) if source), "")
