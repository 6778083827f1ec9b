"""What a device says by the shipped samples: to its own model elsewhere, and to a damaged one.

Variants are int8 and float32, all of them good by the task's metric; each was proven on one engine
and runs on another. In part these are real files (see files.py). Of the simulated ones, at each
layer, each value that is within a tenth of a step of where the rounding turns may be rounded to the
other side, independently: about one of twenty. In float each value that a layer takes is off by
3e-7 of itself. Real int8 files differ less between ONNX Runtime's levels: in less than one value
of a thousand, but where the last softmax is rounded, one of six is off by a step. Not
simulated: sums that saturate in 16 bits, as on x86 without VNNI, which is a fault.

Faults are in the answers of the variant that runs on the device, each in one column: dead at 0,
dead at its mean, or swapped with another.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch

from edgeml.parity import shipped
from edgeml.parity.roles import Role, channel_axis
from edgeml_converters.outcome.shipped import telling_rows
from verdict_tasks import quantised
from verdict_tasks.before import FP32, INT8, passes
from verdict_tasks.files import of_files
from verdict_tasks.quantised import Quantised
from verdict_tasks.task import Answers, Array, Task, answers

SHIPPED = (1, 4, 16, 64)
_PROOF = 1000
_GOOD = 0.5  # tolerances of the task's metric
_PAIRS = 8  # of columns that are swapped, at most
_HOWS = (
    Quantised(8, None, True, 0.0, False),
    *(Quantised(8, 8, by, 0.0, last) for by in (True, False) for last in (True, False)),
)


Said = dict[int, list[bool]]
"""By the number of shipped samples."""


def _said() -> Said:
    return {samples: [] for samples in SHIPPED}


@dataclass
class Device:
    """Of one task: was each fault found, each good one refused; and by the rule before.

    said: what is wrong with it, for people.
    """

    name: str
    found: Said = field(default_factory=_said)
    refused: Said = field(default_factory=_said)
    found_before: Said = field(default_factory=_said)
    refused_before: Said = field(default_factory=_said)
    said: list[str] = field(default_factory=list[str])


def checked(task: Task, draws: int) -> Device:
    """draws: of the rows that parity is shown on."""
    rng = np.random.default_rng(81)
    own = answers(task.net, task.inputs)
    variants = list(_variants(task, own))
    device = Device(task.name)
    roles = {name: tuple(r for n, r in task.says if n == name) for name in own}
    for _ in range(draws):
        proof = np.sort(rng.choice(len(task.inputs), _PROOF, replace=False))
        model = {name: array[proof] for name, array in own.items()}
        spreads = {name: shipped.spreads(roles[name], array) for name, array in model.items()}
        for samples in SHIPPED:
            rows = telling_rows(model, roles, spreads, samples)
            for variant, proven, here in variants:
                refusals: list[str] = []
                before = FP32 if "fp32" in variant else INT8
                passed = True
                for name, array in model.items():
                    spread, r = spreads[name], array[rows]
                    noise = shipped.expected_noise(
                        roles[name], spread, array, proven[name][proof], rows
                    )
                    v = here[name][proof]
                    refusal = shipped.refused(roles[name], spread, noise, r, v[rows])
                    refusals += [] if refusal is None else [f"{name} {refusal}"]
                    passed &= passes({name: r}, {name: v[rows]}, before)
                    for fault, damaged in _damaged(roles[name], v, rows, rng):
                        found = shipped.refused(roles[name], spread, noise, r, damaged)
                        device.found[samples].append(found is not None)
                        passed_before = passes({name: r}, {name: damaged}, before)
                        device.found_before[samples].append(not passed_before)
                        if found is None and samples > 1:
                            device.said.append(f"{samples}: {variant}: {name} {fault}: not found")
                device.refused[samples].append(bool(refusals))
                device.refused_before[samples].append(not passed)
                device.said += [f"{samples}: {variant}: {each}" for each in refusals]
    return device


def _damaged(
    roles: tuple[Role, ...], answers_: Array, rows: Array, rng: np.random.Generator
) -> Iterator[tuple[str, Array]]:
    """The answers to the rows, with one fault each."""
    axis = channel_axis(roles[0], answers_.shape)
    assert axis is not None
    columns = np.moveaxis(answers_, axis, -1)
    count = columns.shape[-1]
    faults: list[tuple[str, list[int], Array]] = []
    for c in range(count):
        for value in (0.0, columns[..., c].mean()):
            faults.append((f"{c} is {value:.3g}", [c], np.float32(value)))
    pairs = [(a, b) for b in range(count) for a in range(b)]
    for pair in rng.permutation(len(pairs))[:_PAIRS]:
        a, b = pairs[pair]
        faults.append((f"{a} is {b}", [a, b], columns[rows][..., [b, a]]))
    for fault, where, value in faults:
        damaged = columns[rows].copy()
        damaged[..., where] = value
        yield fault, np.moveaxis(damaged, -1, axis)


def _variants(task: Task, own: Answers) -> Iterator[tuple[str, Answers, Answers]]:
    """Name, answers where it was proven, answers on the device; only good ones."""
    cost = task.cost(own)
    for name, proven, here in (*of_files(task), *_simulated(task)):
        if (task.cost(proven) - cost).max() < _GOOD:
            yield name, proven, here


def _simulated(task: Task) -> Iterator[tuple[str, Answers, Answers]]:
    kept = quantised.kept(task)
    generator = torch.Generator().manual_seed(82)
    for how in _HOWS:
        yield (
            str(how),
            quantised.quantised(task, how, kept),
            quantised.quantised(task, how, kept, generator),
        )
