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
from edgeml.parity import Tolerance

names = st.text("abc_:.", min_size=1, max_size=5)
tolerances = st.builds(
    Tolerance, max_abs=st.floats(0, 10), min_cosine=st.floats(-1, 1), min_top1=st.floats(0, 1)
)


@st.composite
def holdouts(draw: st.DrawFn) -> Holdout:
    samples = draw(st.integers(1, 4))

    def arrays(low: int) -> dict[str, npt.NDArray[Any]]:
        found: dict[str, npt.NDArray[Any]] = {}
        for name in draw(st.lists(names, min_size=low, max_size=2, unique=True)):
            dtype = draw(st.sampled_from([np.float32, np.int64, np.uint8, np.bool_]))
            shape = (samples, *draw(hnp.array_shapes(min_dims=0, max_dims=2, max_side=3)))
            found[name] = draw(hnp.arrays(dtype, shape))
        return found

    return Holdout(
        inputs=arrays(1),
        expected=arrays(1),
        tolerances=draw(st.dictionaries(names, tolerances, max_size=2)),
        labels=draw(st.none() | hnp.arrays(np.int64, samples)),
    )


def same(a: Holdout, b: Holdout) -> None:
    for one, other in ((a.inputs, b.inputs), (a.expected, b.expected)):
        assert one.keys() == other.keys()
        for name in one:
            assert one[name].dtype == other[name].dtype
            np.testing.assert_array_equal(one[name], other[name])
    assert a.tolerances == b.tolerances
    assert (a.labels is None) == (b.labels is None)
    if a.labels is not None and b.labels is not None:
        np.testing.assert_array_equal(a.labels, b.labels)


@given(holdouts())
def test_a_holdout_comes_back(made: Holdout) -> None:
    data = holdout.encode(made)
    found = holdout.decode(data)
    same(found, made)
    assert holdout.encode(found) == data


def _backwards(mapping: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return list(mapping.items())[::-1]


@given(holdouts())
def test_order_and_memory_layout_make_no_difference(made: Holdout) -> None:
    again = Holdout(
        inputs={name: np.asfortranarray(a) for name, a in _backwards(made.inputs)},
        expected=dict(_backwards(made.expected)),
        tolerances=dict(_backwards(made.tolerances)),
        labels=made.labels,
    )
    assert holdout.encode(again) == holdout.encode(made)


@given(holdouts(), st.integers(1, 6))
def test_the_head_is_a_holdout(made: Holdout, samples: int) -> None:
    head = made.head(samples)
    assert head.samples == min(samples, made.samples)
    same(holdout.decode(holdout.encode(head)), head)


@given(st.binary(max_size=300))
def test_no_bytes_are_a_holdout(data: bytes) -> None:
    with pytest.raises(PackageError):
        holdout.decode(data)


SOUND = Holdout(
    inputs={"x": np.zeros((3, 4), np.float32)},
    expected={"y": np.zeros((3, 2), np.float32)},
    tolerances={"onnx-fp32": Tolerance()},
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


X, Y = np.zeros((3, 4), np.float32), np.zeros((3, 2), np.float32)
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
    "tolerance_of_two": lambda: npz(inputs__x=X, expected__y=Y, tolerance__v=np.zeros(2)),
    "tolerance_of_text": lambda: npz(inputs__x=X, expected__y=Y, tolerance__v=np.array(["a"] * 3)),
    "objects": lambda: npz(inputs__x=np.array([{}, {}, {}], object), expected__y=Y),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(fault: str) -> None:
    with pytest.raises(HoldoutError, match="package the model again"):
        holdout.decode(FAULTS[fault](), HoldoutError)
