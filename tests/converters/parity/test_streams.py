"""A model with states on its own: what is wrong by little at each step, and what comes of it."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from edgeml.errors import InputError
from edgeml.parity.answers import OutputParity
from edgeml.parity.roles import Role
from edgeml_converters.formats.tensors import Feedback
from edgeml_converters.frameworks.base import check_states, in_steps
from edgeml_converters.parity.judging import judge
from edgeml_converters.parity.rolled import Stream, only_begins, with_states
from edgeml_converters.parity.rule import Rule
from edgeml_converters.parity.streams import judge_steps
from edgeml_converters.roles.given import Roles

Array = npt.NDArray[np.float64]
STEPS = 200
NUMBERS = Rule({"y": (Role(kind="regression", axis=1, error=0.05),)})


def _filtered(inputs: Array, decay: float = 0.98, offset: float = 0.0) -> Array:
    """A slow filter that is off by a little at each step."""
    state, answers = np.zeros(inputs.shape[1]), []
    for row in inputs:
        state = decay * state + (1 - decay) * row + offset
        answers.append(state)
    return np.asarray(answers)


def _judged(
    variant: Array, model: Array, starts: tuple[int, ...] = (0,), rule: Rule = NUMBERS
) -> OutputParity:
    (found,) = judge_steps({"y": variant}, {"y": model}, starts, rule)
    return found


def _inputs() -> Array:
    return np.random.default_rng(0).normal(size=(STEPS, 3)) + np.sin(np.arange(STEPS) / 9)[:, None]


def test_one_model_twice_is_the_same() -> None:
    model = _filtered(_inputs())
    assert _judged(model.copy(), model).answer == "same"


def test_what_adds_up_is_seen_where_single_steps_are_the_same() -> None:
    """An offset of 0.004 a step comes to 0.2, the spread of the answers."""
    inputs = _inputs()
    model, drifting = _filtered(inputs), _filtered(inputs, offset=0.004)
    single = (model + 0.004).astype(np.float64)
    (of_steps,) = judge({"y": single}, {"y": model}, NUMBERS)
    found = _judged(drifting, model)
    assert of_steps.answer == "same" and found.answer == "differs"
    assert found.reason.startswith("with its states fed back over 200 steps, 'y' differs: noise")


def test_what_is_lost_at_the_end_alone_is_named() -> None:
    model = _filtered(_inputs())
    lost = model.copy()
    lost[-40:, 1] += 0.12
    found = _judged(lost, model)
    assert found.figures[0].channel == "channel 1 in the last quarter"


def test_each_sequence_has_a_last_quarter() -> None:
    """Four sequences of 50 steps, each off in its last ten."""
    model = np.concatenate([_filtered(_inputs()[:50]) for _ in range(4)])
    lost = model.copy()
    for end in (50, 100, 150, 200):
        lost[end - 10 : end] += 0.08
    found = _judged(lost, model, starts=(0, 50, 100, 150))
    quarter = found.figures[0]
    assert "over 200 steps of 4 sequences, 50 in the longest, 'y' differs" in found.reason
    assert quarter.channel.endswith("in the last quarter")
    assert quarter.value is not None and 0.04 < quarter.value < 4


def test_a_channel_that_comes_to_rest_is_judged_by_its_spread_before() -> None:
    """Its last quarter is one constant, beside which the least rounding would be noise."""
    model = _filtered(_inputs())
    model[-60:] = model[-60]
    assert _judged(model + 1e-5 * np.sin(np.arange(STEPS))[:, None], model).answer == "same"


@pytest.mark.parametrize("exact", [False, True])
def test_few_steps_cannot_tell_but_of_a_float_file(exact: bool) -> None:
    model = _filtered(_inputs()[:20])
    rule = Rule(NUMBERS.roles, exact=exact)
    assert _judged(model.copy(), model, rule=rule).answer == ("same" if exact else "cannot tell")


def test_intervals_allow_for_steps_that_are_alike() -> None:
    """Noise that wanders slowly shows less than its steps are many: in nine of ten draws the
    interval holds the value over twenty times as many steps."""
    rng = np.random.default_rng(3)
    model = rng.normal(size=(STEPS, 1))
    held = 0
    for _ in range(60):
        wander = _filtered(rng.normal(size=(STEPS * 20, 1)), decay=0.9)
        truth = float((wander**2).mean())
        found = _judged(model + 0.5 * wander[:STEPS], model)
        figure = next(f for f in found.figures if f.figure == "noise")
        assert figure.value is not None and figure.high is not None and figure.low is not None
        spread = float(model.var())
        held += figure.low <= 0.25 * truth / spread <= figure.high
    assert held >= 50


def test_states_go_back_until_a_sequence_begins() -> None:
    def add(feeds: dict[str, Array]) -> dict[str, Array]:
        return {"sum": feeds["x"] + feeds["state"]}

    feeds = {"x": np.ones((6, 1)), "state": np.array([[10.0], [0], [0], [20], [0], [0]])}
    feedback = Feedback(states={"sum": "state"}, starts=(0, 3))
    assert in_steps(add, feeds, feedback)["sum"].ravel().tolist() == [11, 12, 13, 21, 22, 23]


def test_a_counter_is_proven_by_every_step_that_it_counts_right() -> None:
    """Its first values never come up in the last quarter of a sequence, and of 16 runs of steps in
    which nothing was wrong nothing could be told."""
    count = np.arange(400)[:, None] % 20
    starts = tuple(range(0, 400, 20))
    rule = Rule({"n": (Role(kind="state", input="n"),)})
    (right,) = judge_steps({"n": count.copy()}, {"n": count}, starts, rule)
    assert right.answer == "same"
    late = count - (count > 15)
    (wrong,) = judge_steps({"n": late}, {"n": count}, starts, rule)
    assert wrong.answer == "differs"
    few = tuple(range(0, 100, 20))
    (open_yet,) = judge_steps({"n": count[:100]}, {"n": count[:100]}, few, rule)
    assert open_yet.answer == "cannot tell"
    assert "about 400 samples would tell, and these are 100" in open_yet.reason


def test_a_state_that_is_no_number_any_more_is_the_models_own_fault() -> None:
    states = Feedback(states={"h1": "h"})
    check_states({"h1": np.array([[1.0, np.inf], [np.nan, 2.0]])}, states)
    with pytest.raises(
        InputError, match="'h1' of the model itself is no number any more at step 1"
    ):
        check_states({"h1": np.array([[1.0, np.inf], [np.nan, np.inf]])}, states)


def test_states_are_calibrated_as_the_model_comes_to_them() -> None:
    """In the data they may be zero in every row, of which int8 would have one step."""
    given = {"x": np.arange(6.0)[:, None], "h": np.full((6, 1, 2), -1.0)}
    after = np.arange(12.0).reshape(6, 2)
    feedback = Feedback(states={"h1": "h"}, starts=(0, 4))
    found = with_states(given, Stream(Path("all.npz"), {"h1": after}, feedback))
    assert found["x"] is given["x"] and given["h"].max() == -1.0
    assert found["h"].tolist() == [
        [[-1.0, -1.0]], [[0.0, 1.0]], [[2.0, 3.0]], [[4.0, 5.0]], [[-1.0, -1.0]], [[8.0, 9.0]],
    ]  # fmt: skip


HIDDEN = {"h1": (Role(kind="state", input="h"),), "y": NUMBERS.roles["y"]}


def _hidden(steps: int, dead: int, roles: Roles = HIDDEN) -> dict[str, OutputParity]:
    """Of a state of 24 values, of which so many are dead, and an output that does not mind."""
    rng = np.random.default_rng(4)
    state = _filtered(rng.normal(size=(steps, 24)), decay=0.5) + 3 * rng.normal(size=24)
    model = {"y": rng.normal(size=(steps, 2)), "h1": state}
    lost = state.copy()
    lost[:, :dead] = 0.0  # far from its mean, where the noise is above 1
    judged = judge_steps(model | {"h1": lost}, model, (0,), Rule(roles))
    return {one.name: one for one in judged}


def test_a_state_is_what_later_answers_make_of_it() -> None:
    """Two dead values of 24 are nothing if the answers over all steps are the same."""
    assert _hidden(600, 0)["h1"].answer == "same"
    assert _hidden(600, 2)["h1"].answer == "same"


def test_a_state_of_which_too_much_is_lost_differs_whatever_the_answers_say() -> None:
    found = _hidden(600, 17)["h1"]
    assert found.answer == "differs"
    assert "noise of a state 1.5 dB" in found.reason and "where at least 5.2 dB" in found.reason
    assert _hidden(600, 9)["h1"].answer == "cannot tell"


def test_few_steps_do_not_show_what_comes_of_a_state() -> None:
    found = _hidden(200, 2)
    assert found["y"].answer == "same"
    assert found["h1"].answer == "cannot tell"
    assert "about 400 samples would tell, and these are 200" in found["h1"].reason
    assert _hidden(200, 0)["h1"].answer == "same"


def test_a_state_is_judged_as_numbers_where_nothing_shows_it_or_people_say_how_exact() -> None:
    alone = {"h1": np.random.default_rng(5).normal(size=(600, 24))}
    lost = {"h1": alone["h1"] * (np.arange(24) > 1)}
    (found,) = judge_steps(lost, alone, (0,), Rule({"h1": HIDDEN["h1"]}))
    assert found.answer == "differs" and found.figures[0].figure == "noise"
    near = alone["h1"] + 0.03 * np.random.default_rng(6).normal(size=(600, 24))
    (unsure,) = judge_steps({"h1": near}, alone, (0,), Rule({"h1": HIDDEN["h1"]}))
    assert unsure.answer == "cannot tell" and "--output h1=state,error=0.1" in unsure.reason
    exactly = HIDDEN | {"h1": (Role(kind="state", input="h", error=0.1),)}
    assert _hidden(600, 2, exactly)["h1"].answer == "differs"
    still = {"h1": alone["h1"], "y": np.ones((600, 1))}  # which shows nothing
    found = judge_steps(still | lost, still, (0,), Rule(HIDDEN))[0]
    assert found.answer == "differs"


def test_a_state_that_is_given_in_no_row_but_the_first_is_a_beginning() -> None:
    states = {"h1": "h"}
    assert only_begins({"h": np.zeros((5, 3))}, states)
    assert not only_begins({"h": np.eye(3)}, states)
    assert not only_begins({"h": np.zeros((5, 3))}, {})
