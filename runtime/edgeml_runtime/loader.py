"""Loading a staged model beside the one that predicts, without disturbing it."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from edgeml import parity
from edgeml.contract import Contract
from edgeml.errors import ContractError, HoldoutError
from edgeml.holdout import Holdout
from edgeml.manifest import Optimisation, Variant
from edgeml_runtime import memory
from edgeml_runtime.engines.base import Engine
from edgeml_runtime.engines.registry import engine_class
from edgeml_runtime.live import Identity, LoadedModel

WARM_RUNS = 3
LOW_PRIORITY = 19
Result = TypeVar("Result")


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
    engine = open_engine(identity.engine, variant, file, threads)
    # What parsing the file took goes back before the first run takes its buffers: a lower peak.
    memory.trim()
    first = holdout.head(1)
    for _ in range(WARM_RUNS):
        engine.run(first.inputs)
    check_holdout(engine, variant, first, contract)
    return LoadedModel(identity, contract, engine)


def open_engine(name: str, variant: Variant, file: Path, threads: int = 1) -> Engine:
    """At the level of graph optimisation at which the variant was proven on this engine."""
    return engine_class(name)(
        file,
        inputs=variant.inputs,
        outputs=variant.outputs,
        threads=threads,
        optimisation=optimisation(name, variant),
    )


def optimisation(engine: str, variant: Variant) -> Optimisation:
    """The level at which the variant was proven on that engine."""
    requirement = variant.requirement(engine)
    return requirement.optimisation if requirement else "all"


def check_holdout(engine: Engine, variant: Variant, holdout: Holdout, contract: Contract) -> None:
    """Runs the holdout's samples; every output must satisfy the contract and the tolerance.

    Raises HoldoutError naming the output, the limit and what was found.
    """
    tolerance = holdout.tolerances.get(variant.id)
    if tolerance is None:
        raise HoldoutError(f"The holdout has no tolerance for {variant.id}; package it again.")
    contract.check_inputs(holdout.inputs)
    found = engine.run(holdout.inputs)
    try:
        contract.check_outputs(found)
    except ContractError as error:
        raise HoldoutError(f"The holdout's answers break the contract: {error}") from error
    for name, expected in holdout.expected.items():
        result = parity.compare(name, found[name], expected, tolerance)
        if not result.passed:
            worst = "not finite" if result.max_abs is None else f"off by {result.max_abs:.3g}"
            raise HoldoutError(
                f"The shipped holdout does not come out: {name!r} is {worst} where "
                f"{result.limit_abs:.3g} is allowed (cosine {_text(result.cosine)}, top-1 "
                f"{_text(result.top1)}); the weights are not those that were proven."
            )


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


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
