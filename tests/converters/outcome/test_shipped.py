"""The samples that are shipped are those by which a device can tell."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml.conversion import EngineParity, VariantReport
from edgeml.manifest import Precision
from edgeml.parity.answers import Answer
from edgeml.parity.roles import Role
from edgeml.parity.shipped import refused, spreads
from edgeml_converters.outcome.shipped import shipped_holdout, telling_rows

ROWS, RARE = 1000, 617
Floats = npt.NDArray[np.float32]


def alarms() -> Floats:
    """Four scores, of which the last is on in one sample of a thousand."""
    rng = np.random.default_rng(0)
    on = rng.random((ROWS, 4)) < 0.1
    on[:, 3] = np.arange(ROWS) == RARE
    return np.where(on, 0.9, 0.02 * rng.random((ROWS, 4))).astype(np.float32)


def report(precision: Precision = "fp32") -> VariantReport:
    answers: dict[str, Answer] = {"onnxruntime": "same", "litert": "differs"}
    rows = tuple(
        EngineParity(engine=engine, version="1", outputs=(), answer=answer)
        for engine, answer in answers.items()
    )
    return VariantReport(
        id=f"onnx-{precision}", format="onnx", precision=precision, answer="same",
        routes=(), engines=rows,
    )  # fmt: skip


def rows_of(model: npt.NDArray[np.generic], samples: int) -> list[int]:
    found = telling_rows({"y": model}, {"y": ()}, {"y": spreads((), model)}, samples)
    return [int(row) for row in found]


def test_a_score_that_is_hardly_ever_on_is_on_in_a_shipped_sample() -> None:
    model = alarms()
    inputs = np.arange(ROWS, dtype=np.float32)[:, None]
    kept = shipped_holdout(
        ({"x": inputs}, {"y": model}, np.arange(ROWS)),
        [(report(), {"onnxruntime": {"y": model}, "litert": {"y": model}})],
        {"y": ()},
        8,
    )
    assert RARE in kept.inputs["x"][:, 0]
    assert kept.labels is not None and kept.labels.tolist() == kept.inputs["x"][:, 0].tolist()
    np.testing.assert_array_equal(kept.expected["y"], model[kept.labels])
    assert kept.noise.keys() == {("onnx-fp32", "onnxruntime")}
    noise = kept.noise["onnx-fp32", "onnxruntime"]["y"]
    dead = kept.expected["y"] * np.array([1, 1, 1, 0], np.float32)
    found = refused((), kept.spreads["y"], noise, kept.expected["y"], dead)
    assert found is not None and "channel 3" in found


def test_the_least_that_is_expected_of_half_precision_is_more() -> None:
    model = alarms()
    answered = [(report(p), {"onnxruntime": {"y": model}}) for p in ("fp32", "fp16")]
    kept = shipped_holdout(({"x": model}, {"y": model}, None), answered, {"y": ()}, 4)
    single, half = (kept.noise[f"onnx-{p}", "onnxruntime"]["y"] for p in ("fp32", "fp16"))
    assert (half > 50 * single).all()


def test_what_an_engine_gave_in_another_shape_is_left_out() -> None:
    model = alarms()
    answered = [(report(), {"onnxruntime": {"y": model[:, :2]}})]
    kept = shipped_holdout(({"x": model}, {"y": model}, None), answered, {"y": ()}, 4)
    assert kept.noise == {("onnx-fp32", "onnxruntime"): {}}


@given(st.integers(1, 60), st.integers(1, 80))
def test_rows_are_bounded_distinct_and_in_order_after_the_first(rows: int, samples: int) -> None:
    model = np.random.default_rng(rows).normal(size=(rows, 3)).astype(np.float32)
    found = rows_of(model, samples)
    assert len(found) == len(set(found)) == min(rows, samples)
    assert found[1:] == sorted(found[1:])
    assert found[:1] == rows_of(model, 1)


def test_rare_classes_by_number_are_among_the_samples() -> None:
    classes = np.zeros(ROWS, np.int64)
    classes[[3, 700]] = 1, 2
    assert {3, 700} <= set(rows_of(classes, 4))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_tells_nothing(value: float) -> None:
    model = alarms()
    model[:RARE, 0] = value
    assert RARE in rows_of(model, 8)


def test_channels_are_those_of_the_roles() -> None:
    model = np.random.default_rng(0).normal(size=(20, 3, 8)).astype(np.float32)
    roles = {"y": (Role(axis=2),)}
    kept = shipped_holdout(({"x": model}, {"y": model}, None), [], roles, 4)
    assert kept.spreads["y"].shape == (8,) and not kept.noise
