"""`measure`: a model file on every engine of its format, and taken apart."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgeml.errors import ConversionError, EngineError, InputError
from edgeml.manifest import Format, Optimisation
from edgeml_converters.extras import EXTRAS, extra_for
from edgeml_converters.formats.tensors import Shapes
from edgeml_converters.profile.document import EngineProfile, Profile
from edgeml_converters.profile.machine import cores, cpu
from edgeml_converters.profile.process import ask
from edgeml_converters.profile.requests import Anatomy, Failed, Missing, Read, Time, Timed
from edgeml_converters.progress import Progress, silent
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
            reply = ask(request, timeout_seconds)
        match reply:
            case Timed():
                ran_with = reply.shapes
                rows.append(_row(request, reply))
            case Missing() if not engines:
                continue
            case Missing():
                raise EngineError(reply.message)
            case Failed(kind=InputError.__name__):
                raise InputError(reply.message)
            case _:
                assert isinstance(reply, Failed)
                rows.append(EngineProfile(engine=engine, version="", error=reply.message))
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
    reply = ask(Read(format=form, entry=str(entry), shapes=shapes), timeout_seconds)
    if isinstance(reply, Anatomy):
        return reply
    assert isinstance(reply, Failed)
    package = (reply.missing or "").partition(".")[0]
    if package in EXTRAS:
        raise InputError(
            f"The operators of {entry.name} are read by {package}, which is not installed; "
            f"install {extra_for(package)}."
        )
    if reply.kind == InputError.__name__:
        raise InputError(reply.message)
    raise ConversionError(
        f"The operators of {entry.name} could not be read ({reply.message}); convert it again."
    )
