"""The holdout comes back as it was, in the same bytes, and garbage is refused in one sentence."""

import io
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgeml import holdout
from edgeml.errors import HoldoutError, PackageError
from edgeml.holdout import Holdout

names = st.text("abc_:.", min_size=1, max_size=5)
outputs = st.text("abc_:./", min_size=1, max_size=5)
above_0 = st.floats(0, allow_infinity=False, exclude_min=True)


@st.composite
def holdouts(draw: st.DrawFn) -> Holdout:
    samples = draw(st.integers(1, 4))

    def arrays() -> dict[str, npt.NDArray[Any]]:
        found: dict[str, npt.NDArray[Any]] = {}
        for name in draw(st.lists(outputs, min_size=1, max_size=2, unique=True)):
            dtype = draw(st.sampled_from([np.float32, np.int64, np.uint8, np.bool_]))
            shape = (samples, *draw(hnp.array_shapes(min_dims=0, max_dims=2, max_side=3)))
            found[name] = draw(hnp.arrays(dtype, shape))
        return found

    expected = arrays()
    spreads = {
        name: draw(hnp.arrays(np.float64, st.integers(1, 3), elements=above_0)) for name in expected
    }
    half = hnp.from_dtype(np.dtype(np.float16), min_value=0, allow_infinity=False, allow_nan=False)
    noise: dict[tuple[str, str], dict[str, npt.NDArray[Any]]] = {
        proven: {
            name: draw(hnp.arrays(np.float16, (2, len(spread)), elements=half))
            for name, spread in spreads.items()
        }
        for proven in draw(st.lists(st.tuples(names, names), max_size=2, unique=True))
    }
    return Holdout(
        inputs=arrays(),
        expected=expected,
        labels=draw(st.none() | hnp.arrays(np.int64, samples)),
        spreads=spreads,
        noise=noise,
    )


def same(a: Holdout, b: Holdout) -> None:
    assert a.noise.keys() == b.noise.keys()
    pairs = [(a.inputs, b.inputs), (a.expected, b.expected), (a.spreads, b.spreads)]
    pairs += [(a.noise[proven], b.noise[proven]) for proven in a.noise]
    for one, other in pairs:
        assert one.keys() == other.keys()
        for name in one:
            assert one[name].dtype == other[name].dtype
            np.testing.assert_array_equal(one[name], other[name])
    assert (a.labels is None) == (b.labels is None)
    if a.labels is not None and b.labels is not None:
        np.testing.assert_array_equal(a.labels, b.labels)


@given(holdouts())
def test_a_holdout_comes_back(made: Holdout) -> None:
    data = holdout.encode(made)
    found = holdout.decode(data)
    same(found, made)
    assert holdout.encode(found) == data


def _backwards(mapping: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    return list(mapping.items())[::-1]


@given(holdouts())
def test_order_and_memory_layout_make_no_difference(made: Holdout) -> None:
    again = Holdout(
        inputs={name: np.asfortranarray(a) for name, a in _backwards(made.inputs)},
        expected=dict(_backwards(made.expected)),
        labels=made.labels,
        spreads=dict(_backwards(made.spreads)),
        noise={proven: dict(_backwards(noise)) for proven, noise in _backwards(made.noise)},
    )
    assert holdout.encode(again) == holdout.encode(made)


@given(holdouts())
def test_the_first_sample_is_a_holdout(made: Holdout) -> None:
    first = made.first()
    assert first.samples == 1
    same(holdout.decode(holdout.encode(first)), first)
    same(first.first(), first)


@given(st.binary(max_size=300))
def test_no_bytes_are_a_holdout(data: bytes) -> None:
    with pytest.raises(PackageError):
        holdout.decode(data)


SOUND = Holdout(
    inputs={"x": np.zeros((3, 4), np.float32)},
    expected={"y": np.zeros((3, 2), np.float32)},
    spreads={"y": np.ones(2)},
    noise={("onnx-fp32", "onnxruntime"): {"y": np.zeros((2, 2), np.float16)}},
)
DATA = holdout.encode(SOUND)


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_a_damaged_holdout_is_a_holdout_or_refused(position: int, flip: int) -> None:
    """Its digest is what protects it; here nothing but the one error may come out."""
    data = bytearray(DATA)
    data[position] ^= flip
    try:
        holdout.decode(bytes(data))
    except PackageError:
        pass  # refused


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.save(member, np.asarray(array), allow_pickle=True)
            archive.writestr(name.replace("__", "/") + ".npy", member.getvalue())
    return buffer.getvalue()


def npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


def judged(spread: Any, noise: Any, key: str = "noise/v/e/y") -> bytes:
    return npz(**{"inputs/x": X, "expected/y": Y, "spread/y": spread, key: noise})


X, Y = np.zeros((3, 4), np.float32), np.zeros((3, 2), np.float32)
NOISE = np.zeros((2, 2), np.float16)
FAULTS: dict[str, Callable[[], bytes]] = {
    "an_array_alone": npy,
    "nothing_in_it": npz,
    "no_inputs": lambda: npz(expected__y=Y),
    "no_expected": lambda: npz(inputs__x=X),
    "unequal_samples": lambda: npz(inputs__x=X, expected__y=Y[:2]),
    "no_samples": lambda: npz(inputs__x=X[:0], expected__y=Y[:0]),
    "a_scalar": lambda: npz(inputs__x=np.float32(1), expected__y=Y),
    "unequal_labels": lambda: npz(inputs__x=X, expected__y=Y, labels=np.zeros(2)),
    "scalar_label": lambda: npz(inputs__x=X, expected__y=Y, labels=np.int64(2)),
    "spread_of_another_output": lambda: npz(inputs__x=X, expected__y=Y, spread__z=np.ones(2)),
    "spread_of_text": lambda: judged(np.array(["a"] * 2), NOISE),
    "spread_of_no_channel": lambda: judged(np.ones(0), NOISE[:, :0]),
    "spread_of_two_axes": lambda: judged(np.ones((2, 2)), NOISE),
    "spread_of_zero": lambda: judged(np.array([1.0, 0.0]), NOISE),
    "spread_that_is_no_number": lambda: judged(np.array([1.0, np.nan]), NOISE),
    "noise_without_a_spread": lambda: npz(inputs__x=X, expected__y=Y, noise__v__e__y=NOISE),
    "noise_of_one_channel": lambda: judged(np.ones(2), NOISE[:, :1]),
    "noise_of_one_row": lambda: judged(np.ones(2), NOISE[:1]),
    "noise_in_float64": lambda: judged(np.ones(2), NOISE.astype(np.float64)),
    "noise_below_zero": lambda: judged(np.ones(2), NOISE - np.float16(1)),
    "noise_without_end": lambda: judged(np.ones(2), NOISE + np.float16(np.inf)),
    "noise_of_no_engine": lambda: judged(np.ones(2), NOISE, "noise/y"),
    "objects": lambda: npz(inputs__x=np.array([{}, {}, {}], object), expected__y=Y),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(fault: str) -> None:
    with pytest.raises(HoldoutError, match="package the model again"):
        holdout.decode(FAULTS[fault](), HoldoutError)
