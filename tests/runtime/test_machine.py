"""The table of the swap: every (state, event) is a row or a loud bug, and entering saves."""

from itertools import product

import pytest

from edgeml_runtime.swap.machine import TABLE, Event, Machine, State


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_every_pair_is_in_the_table_or_loud(state: State, event: Event) -> None:
    entered: list[tuple[State, str]] = []
    machine: Machine[str] = Machine(lambda state, about: entered.append((state, about)))
    machine.state = state
    if (state, event) in TABLE:
        assert machine.fire(event, "it") is machine.state is TABLE[state, event]
        assert entered == [(machine.state, "it")]
    else:
        with pytest.raises(AssertionError, match=event):
            machine.fire(event, "it")
        assert machine.state is state and not entered


def test_every_state_is_reached_and_left() -> None:
    assert {state for state, _ in TABLE} == set(State) == set(TABLE.values())


def test_from_every_state_there_is_a_way_back_to_idle() -> None:
    home = {State.IDLE}
    while more := {s for (s, _), following in TABLE.items() if following in home} - home:
        home |= more
    assert home == set(State)


def test_what_works_on_a_trial_can_be_refused_and_interrupted() -> None:
    for state in set(State) - {State.IDLE, State.ACTIVE, State.REJECT}:
        assert TABLE[state, Event.REFUSED] is State.REJECT
        assert TABLE[state, Event.INTERRUPTED] is State.IDLE
        assert TABLE[state, Event.POSTPONED] is State.IDLE


def test_a_state_that_cannot_be_saved_is_not_entered() -> None:
    def full(_state: State, _about: str) -> None:
        raise OSError("full")

    machine: Machine[str] = Machine(full)
    with pytest.raises(OSError, match="full"):
        machine.fire(Event.RELEASED, "it")
    assert machine.state is State.IDLE
