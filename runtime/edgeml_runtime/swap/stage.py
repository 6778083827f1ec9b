"""Staging: a version proves itself in a process of its own before it comes near the live one.

`python -m edgeml_runtime.swap.stage FOLDER VARIANT ENGINE INTO WALL_SECONDS ADDRESS_SPACE FD`
prepares the variant for this device, loads it, checks the contract against the engine's own
signature and re-runs the whole shipped holdout. Its only answer is an Outcome on FD.
"""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from edgeml import atomic, digests, documents, errors
from edgeml.contract import Contract, Tensor, shape_text
from edgeml.documents import Strict
from edgeml.errors import Category, ContractError, EdgemlError, EngineError, StorageError
from edgeml.integers import are_integers
from edgeml.manifest import Variant
from edgeml_runtime import child
from edgeml_runtime.engines.base import Engine, TensorSpec
from edgeml_runtime.engines.registry import engine_class
from edgeml_runtime.store.opened import Opened
from edgeml_runtime.store.record import Staged
from edgeml_runtime.swap.loader import check_holdout, open_engine, optimisation


class Outcome(Strict, frozen=True, kw_only=True):
    """What the child says: a result, or the class, message and category of an error."""

    staged: Staged | None = None
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
    data = child.run(
        child.python(
            "edgeml_runtime.swap.stage", str(opened.folder), opened.variant.id, engine, str(into),
            str(limits.wall_seconds), str(limits.address_space_bytes),
        ),
        limits,
        stopped,
    )  # fmt: skip
    if data is None:
        return None
    outcome = documents.decode(data, Outcome, "staging's answer", EngineError)
    if outcome.staged is None:
        kind: type[EdgemlError] = getattr(errors, outcome.error)
        raise kind(outcome.message, category=outcome.category)
    return outcome.staged


def prepared(opened: Opened, engine: str) -> Path:
    """Where the engine leaves what it makes of the variant."""
    return opened.folder / "prepared" / f"{opened.variant.id}-{engine}"


def work(opened: Opened, name: str, into: Path) -> Staged:
    """What the child does; raises what `stage` does."""
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
    return Staged(
        entry=str(entry.relative_to(opened.folder)),
        files={
            str(path.relative_to(opened.folder)): digests.sha256_file(path)
            for path in {*made, entry}
        },
    )


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
    folder, variant, engine, into, wall, space, fd = sys.argv[1:]
    limits = child.Limits(float(wall), int(space))
    child.enter(limits)
    try:
        outcome = Outcome(staged=work(Opened.read(Path(folder), variant), engine, Path(into)))
    except MemoryError:
        outcome = _failed(child.memory_error(limits.address_space_bytes))
    except EdgemlError as error:
        if "bad_alloc" in str(error) or "Failed to allocate" in str(error):
            error = child.memory_error(limits.address_space_bytes)
        elif "No space left" in str(error):
            error = StorageError(f"{into} could not be written: the disk is full; free some space.")
        outcome = _failed(error)
    with open(int(fd), "wb") as stream:
        stream.write(msgspec.json.encode(outcome))


def _failed(error: EdgemlError) -> Outcome:
    return Outcome(error=type(error).__name__, message=str(error), category=error.category)


if __name__ == "__main__":
    main()
