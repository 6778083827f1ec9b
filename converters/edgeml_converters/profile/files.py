"""Profiles of whatever a file holds: one model, or the variants of a package."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgeml.profile import Profiles
from edgeml_converters.profile.measuring import engines_for, measure
from edgeml_converters.progress import Progress, silent
from edgeml_converters.sources import model_files
from edgeml_converters.sources.model_files import ModelFile


def profile_file(
    path: Path,
    *,
    variants: Sequence[str] = (),
    engines: Sequence[str] = (),
    threads: int = 1,
    batch: int = 1,
    seconds: float = 2.0,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    timeout_seconds: float = 600.0,
    progress: Progress = silent,
) -> Profiles:
    """A profile of a model file, or of each variant of a package that `engines` can run.

    variants: of a package; empty for all. shapes: by the contract's names where it is a package.
    Raises as model_files.opened and measure do.
    """
    with model_files.opened(path, tuple(variants)) as models:
        suited = [m for m in models if not engines or set(engines) & set(engines_for(m.format))]
        return Profiles(
            file=path.name,
            profiles=tuple(
                measure(
                    model.entry,
                    model.format,
                    name=model.name,
                    engines=_engines_of(model, engines) if suited else engines,
                    optimisations=model.optimisations,
                    threads=threads,
                    batch=batch,
                    seconds=seconds,
                    ranges=_ranges(model),
                    shapes={model.inputs.get(k, k): shape for k, shape in (shapes or {}).items()},
                    timeout_seconds=timeout_seconds,
                    progress=progress,
                )
                for model in suited or models
            ),
        )


def _engines_of(model: ModelFile, engines: Sequence[str]) -> tuple[str, ...]:
    return tuple(engine for engine in engines if engine in engines_for(model.format))


def _ranges(model: ModelFile) -> dict[str, tuple[float, float]]:
    """By the file's names, from the contract."""
    if model.contract is None:
        return {}
    return {
        model.inputs[tensor.name]: tensor.range
        for tensor in model.contract.inputs
        if tensor.range is not None
    }
