"""Outputs by name or by value, never by shape or order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml.errors import ConversionError
from edgeml.parity import Tolerance
from edgeml_converters.formats.tensors import FileTensor
from edgeml_converters.parity.pairing import input_candidates, pair_outputs

RNG = np.random.default_rng(0)
A, B, C = (RNG.normal(size=(5, 3)).astype(np.float32) for _ in range(3))
TOLERANCE = Tolerance()


def test_equal_names_whose_values_agree_are_kept() -> None:
    found = {"b": B, "a": A}
    assert pair_outputs(found, {"a": A, "b": B}, TOLERANCE) == {"a": "a", "b": "b"}


def test_names_that_were_permuted_are_seen_through() -> None:
    assert pair_outputs({"a": B, "b": A}, {"a": A, "b": B}, TOLERANCE) == {"a": "b", "b": "a"}


@given(st.permutations([0, 1, 2]))
def test_unnamed_outputs_of_one_shape_are_paired_by_value(order: list[int]) -> None:
    expected = {"x": A, "y": B, "z": C}
    values = list(expected.values())
    found = {f"Identity:{place}": values[which] + 1e-6 for place, which in enumerate(order)}
    pairs = pair_outputs(found, expected, TOLERANCE)
    assert all(
        np.allclose(found[theirs], expected[name], atol=1e-5) for name, theirs in pairs.items()
    )
    assert sorted(pairs.values()) == sorted(found)


def test_unnamed_outputs_that_values_cannot_tell_apart_are_refused() -> None:
    with pytest.raises(ConversionError, match="cannot be told apart"):
        pair_outputs({"o1": A, "o2": A.copy()}, {"x": A, "y": A}, TOLERANCE)


def test_names_decide_between_equal_values() -> None:
    found = {"y": A, "x": A.copy()}
    assert pair_outputs(found, {"x": A, "y": A}, TOLERANCE) == {"x": "x", "y": "y"}


def test_without_agreement_names_and_then_the_nearest_show_the_figures() -> None:
    assert pair_outputs({"a": B + 1, "b": A + 1}, {"a": A, "b": B}, TOLERANCE) == {
        "a": "a",
        "b": "b",
    }
    found = {"o1": B + 1, "o2": np.full((2, 2), np.nan), "o3": A + 1}
    paired = pair_outputs(found, {"a": A, "b": B, "c": C}, TOLERANCE)
    assert paired == {"a": "o3", "b": "o1", "c": "o2"}


def test_another_number_of_outputs_is_refused() -> None:
    with pytest.raises(ConversionError, match="gives 'a' where the model gives 'a', 'b'"):
        pair_outputs({"a": A}, {"a": A, "b": B}, TOLERANCE)


def _file(name: str, *shape: int, dtype: str = "float32") -> FileTensor:
    return FileTensor(name=name, dtype=dtype, shape=shape)


def test_inputs_are_paired_by_name_when_names_are_the_same() -> None:
    found = [_file("b", -1, 3), _file("a", -1, 3)]
    assert input_candidates({"a": A, "b": B}, found) == [{"a": "a", "b": "b"}]


def test_other_names_leave_every_pairing_that_dtype_and_shape_allow() -> None:
    wanted = {"a": A, "b": B, "ids": np.zeros((5, 3), np.int64)}
    found = [_file("args_0", 1, 3, dtype="int64"), _file("args_1", 1, 3), _file("args_2", -1, 3)]
    candidates = input_candidates(wanted, found)
    assert candidates == [
        {"a": "args_1", "b": "args_2", "ids": "args_0"},
        {"a": "args_2", "b": "args_1", "ids": "args_0"},
    ]


def test_inputs_that_fit_nowhere_are_refused() -> None:
    with pytest.raises(ConversionError, match="takes 'q' where the model takes 'a'"):
        input_candidates({"a": A}, [_file("q", -1, 4)])
