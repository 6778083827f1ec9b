"""The holdout of a conversion: the samples by which a device tells that a channel is dead."""

from collections.abc import Mapping, Sequence

import numpy as np

from edgeml.conversion import VariantReport
from edgeml.holdout import Holdout, Proven
from edgeml.packing import requirements
from edgeml.parity import shipped
from edgeml.parity.figures import Floats
from edgeml.parity.integers import most_frequent
from edgeml.parity.requirements import fault
from edgeml.parity.roles import Role
from edgeml.parity.slices import Slices, slices
from edgeml_converters.formats.tensors import Array, Arrays
from edgeml_converters.sources.rows import Rows

Roles = Mapping[str, Sequence[Role]]


def shipped_holdout(
    proof: tuple[Arrays, Arrays, Array | None],
    answered: Sequence[tuple[VariantReport, Mapping[str, Arrays]]],
    roles: Roles,
    samples: int,
) -> Holdout:
    """At most so many rows of the proof, with what each engine that agreed gave there.

    proof: inputs, the model's answers, and labels where known. answered: of each variant, what each
    engine gave at the level that will be used. roles: of each output.
    """
    inputs, expected, labels = proof
    spreads = {name: shipped.spreads(roles[name], array) for name, array in expected.items()}
    rows = telling_rows(expected, roles, spreads, samples)
    noise: dict[Proven, Arrays] = {}
    for report, by_engine in answered:
        half = report.precision == "fp16"
        least = shipped.NOISE_LEAST_FP16 if half else shipped.NOISE_LEAST
        for requirement in requirements(report):
            answers = by_engine[requirement.engine]
            noise[report.id, requirement.engine] = {
                name: shipped.expected_noise(
                    roles[name], spreads[name], array, answers[name], rows, least
                )
                for name, array in expected.items()
                if fault(array, answers[name]) is None
            }
    return Holdout(
        inputs={name: array[rows] for name, array in inputs.items()},
        expected={name: array[rows] for name, array in expected.items()},
        labels=None if labels is None else labels[rows],
        spreads=spreads,
        noise=noise,
    )


def telling_rows(expected: Arrays, roles: Roles, spreads: Arrays, samples: int) -> Rows:
    """At most so many rows: the one that tells most about channels, then the others in order.

    One after another is chosen in which those channels stand out that least did before: a score
    that is on in one of a thousand samples is on in one of them, where an even choice has none.
    """
    told = np.concatenate(
        [_told(roles[name], array, spreads[name]) for name, array in expected.items()], axis=1
    )
    before = np.zeros(told.shape[1])
    rows: list[int] = []
    for _ in range(min(samples, len(told))):
        worth = (told / (1.0 + before) ** 2).sum(axis=1)
        worth[rows] = -1.0
        rows.append(int(worth.argmax()))
        before += told[rows[-1]]
    return np.array([*rows[:1], *sorted(rows[1:])], np.intp)


def _told(roles: Sequence[Role], model: Array, spread: Array) -> Floats:
    """[samples, slices]: the noise of a channel that is dead at its mean, or at 0 if that is less,
    up to 1; of integers, that of a channel that is dead at its most frequent value, and of a value
    that never comes up."""
    looked = slices(roles, model, len(spread))
    if looked.integers:
        return np.minimum(_told_of_integers(looked, roles, model, spread), 1.0)
    told = _lost(roles, model, spread, np.zeros(()))
    finite = np.where(np.isfinite(model), model, 0.0)
    for axis in looked.axes or (None,):
        rest = tuple(a for a in range(model.ndim) if a != axis)
        with np.errstate(over="ignore", invalid="ignore"):  # a sum may be beyond all numbers
            middle = np.nan_to_num(finite.mean(axis=rest, keepdims=True, dtype=np.float64))
        place = slice(None) if axis is None else looked.place(axis, model.shape)
        at_mean = _lost(roles, model, spread, middle)
        told[:, place] = np.minimum(told, at_mean)[:, place]
    return np.minimum(told, 1.0)


def _told_of_integers(looked: Slices, roles: Sequence[Role], model: Array, spread: Array) -> Floats:
    told = _lost(roles, model, spread, model ^ np.ones((), model.dtype))
    all_one = most_frequent(model.reshape(len(model), -1, 1))
    told[:, 0] = _lost(roles, model, spread, all_one.reshape([1] * model.ndim))[:, 0]
    for axis in looked.axes:
        place = looked.place(axis, model.shape)
        told[:, place] = _lost(roles, model, spread, shipped.usual(model, axis))[:, place]
    return told


def _lost(roles: Sequence[Role], model: Array, spread: Array, dead: Array) -> Floats:
    return shipped.noises(roles, spread, model, np.broadcast_to(dead, model.shape))
