"""How long a call takes and how much memory it needs; runs in the worker process."""

import time
from pathlib import Path

import numpy as np

from edgeml.errors import EngineError
from edgeml_converters.profile.machine import PeakMemory
from edgeml_converters.sources.synthetic import random_inputs
from edgeml_converters.steps.messages import Time, Timed
from edgeml_converters.steps.serving import EngineMissing
from edgeml_runtime.engines import registry

WARM_UP_SHARE = 0.2  # of the seconds, before those that count
_RUNS_MIN = 3
_RUNS_MAX = 1_000_000


def time_calls(request: Time) -> Timed:
    """Raises EngineError when the engine is missing or refuses the file, InputError for shapes."""
    kind = registry.engine_class(request.engine)
    try:
        version = kind.version()
    except EngineError as error:
        raise EngineMissing(str(error)) from error
    probe = registry.probe(request.engine)  # what the library itself takes is not the model's
    if not probe.ok:
        raise EngineError(probe.problem or f"{request.engine} does not work here.")
    peak = PeakMemory()
    engine = kind(Path(request.entry), threads=request.threads, optimisation=request.optimisation)
    arrays = random_inputs(engine.signature.inputs, request.batch, request.ranges, request.shapes)

    def calls(seconds: float, least: int) -> list[int]:
        """The duration of each call in ns, for so many seconds and at least `least` calls."""
        durations_ns: list[int] = []
        end = time.perf_counter_ns() + int(seconds * 1e9)
        while len(durations_ns) < _RUNS_MAX:
            begin = time.perf_counter_ns()
            if begin >= end and len(durations_ns) >= least:
                break
            engine.run(arrays)
            durations_ns.append(time.perf_counter_ns() - begin)
        return durations_ns

    calls(request.seconds * WARM_UP_SHARE, 1)
    durations_us = np.array(calls(request.seconds, _RUNS_MIN)) / 1000
    p50, p99 = np.percentile(durations_us, (50, 99), method="inverted_cdf")
    return Timed(
        version=version,
        runs=len(durations_us),
        p50_us=round(float(p50), 3),
        p99_us=round(float(p99), 3),
        peak_mib=round(peak.mib(), 3),
        shapes={name: array.shape for name, array in arrays.items()},
    )
