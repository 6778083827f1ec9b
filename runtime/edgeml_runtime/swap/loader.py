"""Loading a staged model beside the one that predicts, without disturbing it."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from edgeml.contract import Contract, as_reals
from edgeml.errors import ContractError, HoldoutError
from edgeml.holdout import Holdout
from edgeml.manifest import Optimisation, Variant
from edgeml.parity import shipped
from edgeml_runtime import memory
from edgeml_runtime.engines.base import Arrays, Engine
from edgeml_runtime.engines.registry import engine_class
from edgeml_runtime.serving.live import Identity, LoadedModel
from edgeml_runtime.store.opened import Opened
from edgeml_runtime.store.record import Installed

WARM_RUNS = 3
LOW_PRIORITY = 19
_BATCH_BYTES = 1 << 20
Result = TypeVar("Result")
Load = Callable[[Installed, Opened, int], LoadedModel]


def load(
    identity: Identity,
    contract: Contract,
    variant: Variant,
    file: Path,
    holdout: Holdout,
    threads: int = 1,
) -> LoadedModel:
    """Loads `file` (what Engine.prepare made of the variant's entry), warms it up and asks it one
    sample of the holdout.

    Raises EngineError when the engine refuses it, HoldoutError when the answer is not as promised.
    """
    engine = open_engine(identity.engine, variant, file, contract, threads)
    # What parsing the file took goes back before the first run takes its buffers: a lower peak.
    memory.trim()
    first = holdout.first()
    for _ in range(WARM_RUNS):
        engine.run(first.inputs)
    check_holdout(engine, variant, first, contract)
    return LoadedModel(identity, contract, engine)


def load_installed(installed: Installed, opened: Opened, threads: int) -> LoadedModel:
    """An installed version beside the live one; raises EngineError or HoldoutError."""
    release = installed.release
    identity = Identity(
        model=release.model,
        version=release.version,
        generation=release.generation,
        manifest_sha256=release.manifest_sha256,
        variant=installed.variant,
        engine=installed.engine,
    )
    entry = opened.folder / installed.staged.entry
    return at_low_priority(
        lambda: load(
            identity, opened.contract(), opened.variant, entry, opened.holdout(first=True), threads
        )
    )


def open_engine(
    name: str, variant: Variant, file: Path, contract: Contract, threads: int = 1
) -> Engine:
    """At the level of graph optimisation at which the variant was proven on this engine."""
    return engine_class(name)(
        file,
        inputs=variant.inputs,
        outputs=variant.outputs,
        dtypes={tensor.name: tensor.dtype for tensor in contract.outputs},
        threads=threads,
        optimisation=optimisation(name, variant),
    )


def optimisation(engine: str, variant: Variant) -> Optimisation:
    """The level at which the variant was proven on that engine."""
    requirement = variant.requirement(engine)
    return requirement.optimisation if requirement else "all"


def check_holdout(engine: Engine, variant: Variant, holdout: Holdout, contract: Contract) -> None:
    """Runs the holdout's samples; every output must satisfy the contract, and each of its channels
    have about the noise that the variant had on this engine where it was proven.

    Raises HoldoutError naming the output, the channel, what was found in dB and the limit.
    """
    expected_noise = holdout.noise.get((variant.id, engine.name), {})
    contract.check_inputs(holdout.inputs)
    found = answers_in_batches(engine, holdout.inputs)
    try:
        contract.check_outputs(found)
    except ContractError as error:
        raise HoldoutError(f"The holdout's answers break the contract: {error}") from error
    found = as_reals(contract.outputs, found)
    roles = {tensor.name: tensor.roles for tensor in contract.outputs}
    for name in roles:
        if name not in expected_noise or name not in holdout.expected:
            raise HoldoutError(
                f"The holdout does not say how {variant.id} did on {engine.name} in {name!r}; "
                "package it again."
            )
        refused = shipped.refused(
            roles[name],
            holdout.spreads[name],
            expected_noise[name],
            holdout.expected[name],
            found[name],
        )
        if refused is not None:
            raise HoldoutError(
                f"The shipped holdout does not come out: {name!r} {refused}; what runs here is not "
                "the model that was proven."
            )


def answers_in_batches(engine: Engine, inputs: Arrays) -> dict[str, npt.NDArray[Any]]:
    """In batches of at most a MiB of inputs: what an engine keeps for a batch grows with it."""
    samples = len(next(iter(inputs.values())))
    each = max(1, sum(array.nbytes for array in inputs.values()) // samples)
    step = max(1, _BATCH_BYTES // each)
    parts = [
        engine.run({name: array[at : at + step] for name, array in inputs.items()})
        for at in range(0, samples, step)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def at_low_priority(work: Callable[[], Result]) -> Result:
    """Runs `work` in a thread of the lowest nice value and returns or raises what it does.

    Nice 19 and never SCHED_IDLE: a thread of that class holding the GIL stalls everybody.
    """
    results: list[Result] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            # Linux gives each thread a nice value of its own.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=body, name="loader")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
