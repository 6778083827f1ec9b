"""`measure`: a model file on every engine of its format, and taken apart."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgeml.errors import ConversionError, EngineError, InputError
from edgeml.manifest import Format, Optimisation
from edgeml.profile import EngineProfile, Profile
from edgeml_converters.formats.tensors import Shapes
from edgeml_converters.profile.machine import cores, cpu
from edgeml_converters.progress import Progress, silent
from edgeml_converters.steps.messages import Anatomy, TakeApart, Time, Timed
from edgeml_converters.steps.process import StepError, StepRefused, ask_once
from edgeml_runtime.engines import registry


def engines_for(form: Format) -> tuple[str, ...]:
    """Every engine of that format, installed or not."""
    return tuple(e for e in registry.ENGINES if registry.engine_class(e).format == form)


def measure(
    entry: Path,
    form: Format,
    *,
    name: str = "",
    engines: Sequence[str] = (),
    optimisations: Mapping[str, Optimisation] | None = None,
    threads: int = 1,
    batch: int = 1,
    seconds: float = 2.0,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    timeout_seconds: float = 600.0,
    progress: Progress = silent,
) -> Profile:
    """What the file `entry` costs on this machine.

    name: what the profile is called; the file's name where it is empty.
    engines: those to run it on; empty for each of its format that is installed.
    optimisations: the level of an engine where it is not "all".
    seconds: of timed calls on each engine, after a warm-up of a fifth of that.
    ranges: of the random inputs, by the file's names; 0 to 1 where none is given.
    shapes: of inputs that have free sizes other than the batch, by the file's names.
    timeout_seconds: for each engine.
    Raises InputError for a file, an engine or shapes that cannot be used, EngineError when no
    engine of the format is installed. An engine that fails says so in its row.
    """
    wrong = [e for e in engines if e not in engines_for(form)]
    if wrong:
        raise InputError(
            f"{wrong[0]!r} does not run .{form} files; use {' or '.join(engines_for(form))}."
        )
    title = name or entry.name
    rows: list[EngineProfile] = []
    ran_with: Shapes = dict(shapes or {})
    for engine in engines or engines_for(form):
        request = Time(
            engine=engine,
            optimisation=(optimisations or {}).get(engine, "all"),
            entry=str(entry),
            threads=threads,
            batch=batch,
            seconds=seconds,
            ranges=dict(ranges or {}),
            shapes=dict(shapes or {}),
        )
        with progress(f"run {title} on {engine} for {seconds:g} s"):
            try:
                timed = ask_once(f"running {title}", request, Timed, timeout_seconds)
            except StepRefused as error:
                if not error.engine_missing:
                    rows.append(_did_not_run(engine, error.failure.message))
                elif engines:
                    raise EngineError(error.failure.message) from error
            except StepError as error:
                rows.append(_did_not_run(engine, error.reason))
            else:
                ran_with = timed.shapes
                rows.append(_row(request, timed))
    if not rows:
        raise EngineError(
            f"No engine for .{form} files is installed; see 'edgeml doctor' for what is missing."
        )
    with progress(f"read the operators of {title}"):
        anatomy = _anatomy(entry, form, ran_with, timeout_seconds)
    counts = [layer.macs for layer in anatomy.layers]
    return Profile(
        name=title,
        format=form,
        size=anatomy.size,
        cpu=cpu(),
        cores=cores(),
        threads=threads,
        batch=batch,
        parameters=anatomy.parameters,
        macs=sum(count for count in counts if count is not None),
        macs_unknown=counts.count(None),
        ops=anatomy.ops,
        layers=anatomy.layers,
        engines=tuple(rows),
    )


def _did_not_run(engine: str, reason: str) -> EngineProfile:
    return EngineProfile(engine=engine, version="", error=reason)


def _row(request: Time, timed: Timed) -> EngineProfile:
    return EngineProfile(
        engine=request.engine,
        optimisation=request.optimisation,
        version=timed.version,
        runs=timed.runs,
        p50_us=timed.p50_us,
        p99_us=timed.p99_us,
        peak_mib=timed.peak_mib,
    )


def _anatomy(entry: Path, form: Format, shapes: Shapes, timeout_seconds: float) -> Anatomy:
    request = TakeApart(format=form, entry=str(entry), shapes=dict(shapes))
    try:
        return ask_once(f"reading {entry.name}", request, Anatomy, timeout_seconds)
    except StepError as error:
        raise ConversionError(
            f"The operators of {entry.name} could not be read ({error.reason}); convert it again."
        ) from error
