"""Which outputs are states, and which inputs they are given to at the next step."""

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from edgeml.errors import InputError
from edgeml.parity.roles import Role
from edgeml_converters.formats.tensors import Array, Arrays, Names
from edgeml_converters.roles.given import Roles
from edgeml_converters.sources.data import beginnings


def with_inputs(roles: Roles, inputs: Arrays, outputs: Arrays) -> dict[str, tuple[Role, ...]]:
    """The roles, in which each state names its input.

    That is the one that --output names, else the only one of the same shape and dtype that no other
    state is given to. Raises InputError for a state without such an input.
    """
    taken = {role.input for of_output in roles.values() for role in of_output if role.input}
    settled: dict[str, tuple[Role, ...]] = {}
    for name, of_output in roles.items():
        if not any(role.kind == "state" for role in of_output):
            settled[name] = of_output
            continue
        input_name = _input_of(name, of_output, inputs, outputs[name], taken)
        taken.add(input_name)
        settled[name] = tuple(replace(role, input=input_name) for role in of_output)
    _check_once(settled)
    return settled


def states_of(roles: Roles) -> Names:
    """Output -> the input that it is given to."""
    return {name: of[0].input for name, of in roles.items() if of and of[0].input}


def check_sequences(values: Array | None, states: Names) -> None:
    """Raises InputError where sequences are told apart that nothing is fed back over, and where the
    rows of one do not follow one another. values: what tells them apart, one for each row."""
    if values is None:
        return
    if not states:
        raise InputError(
            "--sequence-by is for models whose states are fed back, but no output is said to be a "
            "state; say which is, as in --output NAME=state."
        )
    sequences, times = np.unique(values[list(beginnings(values))], return_counts=True)
    if (times > 1).any():
        raise InputError(
            "--sequence-by names a key whose rows of one value do not follow one another, as those "
            f"of {sequences[times > 1][0]}; sort the data by sequence, and give each its own value."
        )
    if len(sequences) == len(values):
        raise InputError(
            "--sequence-by names a key with another value in every row, over which no state is fed "
            "back; give sequences of more rows."
        )


def _input_of(
    name: str, roles: Sequence[Role], inputs: Arrays, values: Array, taken: set[str]
) -> str:
    if len(roles) > 1 or roles[0].start or roles[0].stop is not None:
        raise InputError(
            f"--output takes a range of {name!r} for a state; a state is the whole output, as in "
            f"--output {name}=state."
        )
    fitting = [key for key, array in inputs.items() if _fits(array, values)]
    named = roles[0].input
    if named:
        if named in fitting:
            return named
        found = f"{inputs[named].dtype.name} {list(inputs[named].shape)}" if named in inputs else ""
        raise InputError(
            f"--output gives the state {name!r}, {values.dtype.name} {list(values.shape)}, to the "
            f"input {named!r}, "
            + (f"which is {found}" if found else f"but the inputs are {', '.join(inputs)}")
            + "; name the input that takes it."
        )
    free = [key for key in fitting if key not in taken]
    if len(free) != 1:
        found = f"{' and '.join(free)} could take it" if free else "none is of its shape and dtype"
        raise InputError(
            f"--output says that {name!r} is a state, but not to which input it is given, and "
            f"{found}; name it, as in --output {name}=state,input={(free or list(inputs))[0]}."
        )
    return free[0]


def _fits(array: Array, values: Array) -> bool:
    return array.dtype == values.dtype and array.shape == values.shape


def _check_once(roles: Roles) -> None:
    by_input: dict[str, str] = {}
    for name, input_name in states_of(roles).items():
        if input_name in by_input:
            raise InputError(
                f"--output gives both {by_input[input_name]!r} and {name!r} to the input "
                f"{input_name!r}; give each state an input of its own."
            )
        by_input[input_name] = name
