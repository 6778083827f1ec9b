"""Which input a state is given to."""

from typing import Any

import numpy as np
import pytest

from edgeml.errors import InputError
from edgeml_converters.roles.given import parse_roles
from edgeml_converters.roles.states import check_sequences, states_of, with_inputs

ROWS = 4
INPUTS = {
    "x": np.zeros((ROWS, 3), np.float32),
    "h": np.zeros((ROWS, 8), np.float32),
    "c": np.zeros((ROWS, 8), np.float32),
}
OUTPUTS = {
    "y": np.zeros((ROWS, 2), np.float32),
    "h1": np.zeros((ROWS, 8), np.float32),
    "c1": np.zeros((ROWS, 8), np.float32),
}


def _states(*texts: str) -> dict[str, str]:
    return states_of(with_inputs(parse_roles(texts), INPUTS, OUTPUTS))


def test_inputs_are_those_that_people_name() -> None:
    assert _states("h1=state,input=h", "c1=state,input=c") == {"h1": "h", "c1": "c"}


def test_the_only_one_left_needs_no_name() -> None:
    assert _states("c1=state", "h1=state,input=h") == {"h1": "h", "c1": "c"}


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["h1=state"], "h and c could take it"),
        (["y=state"], "none is of its shape and dtype"),
        (["y=state,input=h"], "float32 [4, 2], to the input 'h', which is float32 [4, 8]"),
        (["h1=state,input=g"], "the inputs are x, h, c"),
        (["h1=state,input=h", "c1=state,input=h"], "both 'h1' and 'c1' to the input 'h'"),
        (
            ["h1=state,channels=0:4,input=h", "h1=scores,channels=4:8"],
            "a state is the whole output",
        ),
        (["h1=regression,input=h"], "input tells nothing of regression"),
    ],
)
def test_what_is_no_state(texts: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words.replace("[", r"\[").replace("]", r"\]")):
        _states(*texts)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0, 1, 0, 1], "rows of one value do not follow one another, as those of 0"),
        ([0, 0, 1, 0], "rows of one value do not follow one another, as those of 0"),
        (["a", "b", "c", "d"], "another value in every row, over which no state is fed back"),
    ],
)
def test_keys_that_tell_no_sequences_apart(values: list[Any], message: str) -> None:
    check_sequences(np.array([3, 3, 1, 2]), {"h1": "h"})
    check_sequences(None, {})
    with pytest.raises(InputError, match=message):
        check_sequences(np.array(values), {"h1": "h"})
