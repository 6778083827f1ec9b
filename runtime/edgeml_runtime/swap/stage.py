"""Staging: a version proves itself in a process of its own before it comes near the live one.

The child prepares the variant for this device, loads it, checks the contract against the engine's
own signature and re-runs the whole shipped holdout. It parses what a stranger made, so its answer
is a claim: what it left is read again, and must be where it was told to leave it.
"""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from edgeml import atomic, digests, documents
from edgeml.contract import Contract, Tensor, shape_text
from edgeml.documents import Strict
from edgeml.errors import (
    Category,
    ContractError,
    EdgemlError,
    EngineError,
    HoldoutError,
    StageError,
    StorageError,
)
from edgeml.integers import are_integers
from edgeml.manifest import Variant
from edgeml_runtime import child
from edgeml_runtime.engines.base import Engine, TensorSpec
from edgeml_runtime.engines.environment import made_by, version_of
from edgeml_runtime.engines.registry import engine_class
from edgeml_runtime.store.opened import Opened
from edgeml_runtime.store.record import Staged
from edgeml_runtime.swap.loader import check_holdout, open_engine, optimisation

JOB = child.Job(
    name="Staging",
    module="edgeml_runtime.swap.stage",
    longer="use a smaller model or raise --stage-seconds",
    crashed="convert the model again or choose another variant",
)
_ERRORS = {
    kind.__name__: kind
    for kind in (EngineError, HoldoutError, ContractError, StageError, StorageError)
}
_NO_MEMORY = ("bad_alloc", "Failed to allocate", "failed to map segment")
"""As the C++ library, the engines and the loader of shared objects say it."""


class Outcome(Strict, frozen=True, kw_only=True):
    """What the child says: the file to load, or the class, message and category of an error.

    entry: relative to the package's folder; empty after an error.
    """

    entry: str = ""
    error: str = ""
    message: str = ""
    category: Category = Category.EXECUTION


def stage(
    opened: Opened, engine: str, limits: child.Limits, stopped: Callable[[], bool]
) -> Staged | None:
    """Runs the staging child for a verified package; None when `stopped` meanwhile.

    Raises EngineError, HoldoutError, ContractError, StageError or StorageError.
    """
    into = prepared(opened, engine)
    shutil.rmtree(into, ignore_errors=True)
    size = sum(file.size for file in opened.variant.files)
    if shutil.disk_usage(opened.folder).free < size:
        raise StorageError(f"{into} needs {size} bytes: the disk is full; free some space.")
    arguments = (str(opened.folder), opened.variant.id, engine, str(into))
    data = child.run(JOB, arguments, limits, stopped)
    if data is None:
        return None
    outcome = documents.decode(data, Outcome, "staging's answer", EngineError)
    if not outcome.entry:
        kind = _ERRORS.get(outcome.error, EngineError)
        said = outcome.message + _proven_elsewhere(opened.variant, engine)
        raise kind(said, category=outcome.category)
    return left(opened, engine, into, outcome.entry)


def _proven_elsewhere(variant: Variant, engine: str) -> str:
    """What a refusal may come from; a version that was proven by another may well be right."""
    requirement, here = variant.requirement(engine), version_of(engine)
    if requirement is None or requirement.version == here:
        return ""
    return f" It was proven on {engine} {requirement.version}, here is {here}."


def left(opened: Opened, engine: str, into: Path, entry: str) -> Staged:
    """What is really there; raises EngineError for an entry that is elsewhere, and for links."""
    made = [path for path in into.rglob("*") if path.is_symlink() or not path.is_dir()]
    file = opened.folder / entry
    if file not in (opened.entry, *made) or any(path.is_symlink() for path in (into, *made)):
        raise EngineError(
            f"Staging left no model where it was told to, but names {entry}; do not trust this "
            "package."
        )
    return Staged(
        entry=entry,
        files={
            str(path.relative_to(opened.folder)): digests.sha256_file(path)
            for path in {file, *made}
        },
        made_by=made_by(engine),
    )


def prepared(opened: Opened, engine: str) -> Path:
    """Where the engine leaves what it makes of the variant."""
    return opened.folder / "prepared" / f"{opened.variant.id}-{engine}"


def work(opened: Opened, name: str, into: Path) -> str:
    """What the child does; raises what `stage` does. Returns the file to load, relative to the
    package's folder."""
    contract = opened.contract()
    level = optimisation(name, opened.variant)
    entry = engine_class(name).prepare(opened.entry, into, level)
    made = sorted(p for p in into.rglob("*") if p.is_file()) if into.is_dir() else []
    for path in made:
        _sync(path)
    for folder in (into, into.parent, opened.folder) if made else ():
        atomic.sync_folder(folder)
    engine = open_engine(name, opened.variant, entry, contract)
    check_signature(engine, contract, opened.variant)
    check_holdout(engine, opened.variant, opened.holdout(), contract)
    return str(entry.relative_to(opened.folder))


def check_signature(engine: Engine, contract: Contract, variant: Variant) -> None:
    """The file's own inputs and outputs must be those of the contract; raises ContractError."""
    for role, specs, tensors in (
        ("input", engine.signature.inputs, contract.inputs),
        ("output", engine.signature.outputs, contract.outputs),
    ):
        found = {spec.name: spec for spec in specs}
        for tensor in tensors:
            spec = found.get(tensor.name)
            if spec is None or not _fits(spec, tensor, variant.batch):
                shown = f"{spec.dtype} {list(spec.shape)}" if spec else "missing"
                raise ContractError(
                    f"The contract's {role} {tensor.name!r} is {tensor.dtype} "
                    f"{shape_text(tensor.shape)}, but in the file it is {shown}; convert again."
                )


def _fits(spec: TensorSpec, tensor: Tensor, batch: int | None) -> bool:
    """Sizes must agree where both name one; a frozen batch stands for any, and so do integers of
    another width."""
    return (
        (spec.dtype == tensor.dtype or are_integers(spec.dtype, tensor.dtype))
        and len(spec.shape) == len(tensor.shape)
        and all(
            found == -1 or isinstance(size, str) or found == size or (axis == 0 and found == batch)
            for axis, (found, size) in enumerate(zip(spec.shape, tensor.shape, strict=True))
        )
    )


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def main() -> None:
    (folder, variant, engine, into), limits, answer = child.enter(sys.argv[1:])
    try:
        outcome = Outcome(entry=work(Opened.read(Path(folder), variant), engine, Path(into)))
    except MemoryError:
        outcome = _failed(child.memory_error(JOB, limits))
    except EdgemlError as error:
        if any(words in str(error) for words in _NO_MEMORY):
            error = child.memory_error(JOB, limits)
        elif "No space left" in str(error):
            error = StorageError(f"{into} could not be written: the disk is full; free some space.")
        outcome = _failed(error)
    with open(answer, "wb") as stream:
        stream.write(msgspec.json.encode(outcome))


def _failed(error: EdgemlError) -> Outcome:
    return Outcome(error=type(error).__name__, message=str(error), category=error.category)


if __name__ == "__main__":
    main()
