"""Operators by the names that people know: of the module or layer that they come from."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from edgeml.errors import InputError
from edgeml.manifest import Format
from edgeml_converters.bisect.origin import source_of
from edgeml_converters.formats.ops import Op, ops_of


def ops_like(form: Format, entry: Path, pattern: str) -> tuple[str, ...]:
    """Names for messages.Quantise.keep_float of those that a pattern means, in the float file.

    pattern: with * and ?, of an operator's kind (Softmax, CONV_2D), of its own name or that of an
    output, or of the PyTorch module or Keras layer that it comes from, which means all inside too.
    """
    sources = read_sources(beside(entry))
    found: list[str] = []
    for op in ops_of(form, entry):
        names = (op.name, *op.outputs)
        source = _source(op, sources)
        inside = [source[:end] for end, sign in enumerate(source) if sign in "./"]
        if any(fnmatchcase(name, pattern) for name in (*names, op.kind, source, *inside) if name):
            found.append(op.name)
    return tuple(found)


def kinds_and_sources(form: Format, entry: Path) -> tuple[Sequence[str], Sequence[str]]:
    """What there is to name: kinds of operators, and modules or layers."""
    sources = read_sources(beside(entry))
    ops = ops_of(form, entry)
    known = {_source(op, sources) for op in ops}
    return sorted({op.kind for op in ops}), sorted(known - {""})


def _source(op: Op, sources: Mapping[str, str]) -> str:
    known = next((sources[n] for n in (op.name, *op.outputs) if n in sources), "")
    # Converters rename outputs, but not weights.
    return known or next(filter(None, map(source_of, (op.outputs[0], *op.constants))), "")


def source_by_name(form: Format, entry: Path, exported: Path) -> dict[str, str]:
    """Name of an operator -> the PyTorch module or Keras layer that it comes from, where that is
    known; exported: what the exporter of the float file left, which need not be there."""
    sources = read_sources(exported)
    found = {op.name: _source(op, sources) for op in ops_of(form, entry)}
    return {name: source for name, source in found.items() if source}


def beside(entry: Path) -> Path:
    """Where the exporter of a float file leaves what its tensors and nodes come from."""
    return entry.parent.parent / "sources.json"


def read_sources(file: Path) -> dict[str, str]:
    """Tensor or node -> where in the model it comes from, as the exporter left it.

    Raises InputError for what is no such file: people keep them, and may change them.
    """
    if not file.is_file():
        return {}
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            f"{file} should say where each tensor comes from, as text, but does not ({error}); "
            "remove it, or convert again."
        ) from error
