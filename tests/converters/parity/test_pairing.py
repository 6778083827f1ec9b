"""Outputs by name or by value, never by shape or order."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml.errors import ConversionError
from edgeml_converters.formats.tensors import ModelInput
from edgeml_converters.parity.pairing import matchings, pair_inputs, pair_outputs

RNG = np.random.default_rng(0)
A, B, C = (RNG.normal(size=(5, 3)).astype(np.float32) for _ in range(3))


def test_equal_names_whose_values_agree_are_kept() -> None:
    found = {"b": B, "a": A}
    assert pair_outputs(found, {"a": A, "b": B}) == {"a": "a", "b": "b"}


def test_names_that_were_permuted_are_seen_through() -> None:
    assert pair_outputs({"a": B, "b": A}, {"a": A, "b": B}) == {"a": "b", "b": "a"}


@given(st.permutations([0, 1, 2]))
def test_unnamed_outputs_of_one_shape_are_paired_by_value(order: list[int]) -> None:
    expected = {"x": A, "y": B, "z": C}
    values = list(expected.values())
    found = {f"Identity:{place}": values[which] + 1e-6 for place, which in enumerate(order)}
    pairs = pair_outputs(found, expected)
    assert all(
        np.allclose(found[theirs], expected[name], atol=1e-5) for name, theirs in pairs.items()
    )
    assert sorted(pairs.values()) == sorted(found)


def test_unnamed_outputs_that_values_cannot_tell_apart_are_refused() -> None:
    with pytest.raises(ConversionError, match="cannot be told apart"):
        pair_outputs({"o1": A, "o2": A.copy()}, {"x": A, "y": A})


def test_names_decide_between_equal_values() -> None:
    found = {"y": A, "x": A.copy()}
    assert pair_outputs(found, {"x": A, "y": A}) == {"x": "x", "y": "y"}


def test_without_agreement_names_and_then_the_nearest_show_the_figures() -> None:
    assert pair_outputs({"a": B + 1, "b": A + 1}, {"a": A, "b": B}) == {
        "a": "a",
        "b": "b",
    }
    found = {"o1": B + 1, "o2": np.full((2, 2), np.nan), "o3": A + 1}
    paired = pair_outputs(found, {"a": A, "b": B, "c": C})
    assert paired == {"a": "o3", "b": "o1", "c": "o2"}


def test_another_number_of_outputs_is_refused() -> None:
    with pytest.raises(ConversionError, match="gives 'a' where the model gives 'a', 'b'"):
        pair_outputs({"a": A}, {"a": A, "b": B})


def _input(name: str, *shape: int | None, dtype: str = "float32") -> ModelInput:
    return ModelInput(name=name, dtype=dtype, shape=shape)


def test_inputs_are_paired_by_name_when_names_are_the_same() -> None:
    wanted = [_input("b", None, 3), _input("a", None, 3)]
    assert pair_inputs({"a": A, "b": B}, wanted) == [{"a": "a", "b": "b"}]


def test_other_names_leave_every_pairing_that_dtype_and_shape_allow() -> None:
    arrays = {"a": A, "b": B, "ids": np.zeros((5, 3), np.int64)}
    wanted = [
        _input("args_0", 1, 3, dtype="int64"),
        _input("args_1", 1, 3),
        _input("args_2", None, 3),
    ]
    assert pair_inputs(arrays, wanted) == [
        {"a": "args_1", "b": "args_2", "ids": "args_0"},
        {"a": "args_2", "b": "args_1", "ids": "args_0"},
    ]


def test_equal_names_whose_shapes_were_exchanged_are_paired_by_shape() -> None:
    wanted = [_input("a", None, 4), _input("b", None, 3)]
    arrays = {"a": A, "b": np.zeros((5, 4), np.float32)}
    assert pair_inputs(arrays, wanted) == [{"a": "b", "b": "a"}]


def test_an_optional_input_may_be_left_out_by_name() -> None:
    wanted = [_input("a", None, 3), ModelInput(name="mask", required=False)]
    assert pair_inputs({"a": A}, wanted) == [{"a": "a"}]
    assert pair_inputs({"other": A}, wanted) == [{"other": "a"}]


def test_inputs_that_fit_nowhere_have_no_pairing() -> None:
    assert pair_inputs({"a": A}, [_input("q", None, 4)]) == []
    assert pair_inputs({"a": A}, [_input("q", None, 3), _input("r", None, 3)]) == []


CHOICES = st.dictionaries(
    st.sampled_from("abcd"), st.lists(st.sampled_from("wxyz"), unique=True, max_size=4), max_size=4
)


@given(CHOICES)
def test_matchings_are_every_way_and_in_order(choices: dict[str, list[str]]) -> None:
    every = [
        dict(zip(choices, way, strict=True))
        for way in itertools.product(*choices.values())
        if len(set(way)) == len(way)
    ]
    assert list(matchings(choices)) == every


def test_thirty_inputs_that_look_alike_are_paired_at_once() -> None:
    """And so is it seen that one of them fits nowhere: 30! orders are never walked."""
    arrays = {f"a{n}": A for n in range(30)}
    alike = [_input(f"q{n}", None, 3) for n in range(30)]
    assert len(pair_inputs(arrays, alike)) == 24
    arrays["a29"] = np.zeros((5, 4), np.float32)
    assert pair_inputs(arrays, alike) == []
    assert pair_inputs(arrays, [*alike[:28], _input("r", None, 4), _input("s", None, 4)]) == []
