"""What a variant's outputs are called: each case has a right answer that its figures must reach."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeml import documents
from edgeml.errors import InputError
from edgeml.parity.answers import Answer, OutputParity
from edgeml.parity.roles import KINDS, Kind, Role
from edgeml.parity.words import limit_text
from edgeml_converters.parity.judging import judge
from edgeml_converters.parity.rule import Rule, check_allowed, parse_allowed

Floats = npt.NDArray[np.float32]
RNG = np.random.default_rng(0)
SAMPLES = 200


def _judged(variant: Floats, model: Floats, *roles: Role, exact: bool = False) -> OutputParity:
    rule = Rule({"y": roles}, exact=exact)
    (found,) = judge({"y": variant}, {"y": model}, rule)
    return found


def _noisy(model: Floats, share: float) -> Floats:
    """With noise of that share of each last axis' own spread."""
    noise = np.random.default_rng(1).normal(size=model.shape) * model.std(axis=(0, 1))
    return (model + share * noise).astype(np.float32)


def _detections() -> Floats:
    """[samples, 50 anchors, 4 boxes in pixels and 3 scores]."""
    corners = RNG.uniform(0, 500, (SAMPLES, 50, 2))
    sizes = RNG.uniform(40, 140, (SAMPLES, 50, 2))
    scores = RNG.beta(0.3, 0.6, (SAMPLES, 50, 3))
    return np.concatenate([corners, corners + sizes, scores], axis=-1).astype(np.float32)


DETECTOR = (Role(kind="boxes", axis=2, stop=4), Role(kind="scores", axis=2, start=4))


@pytest.mark.parametrize("roles", [DETECTOR, (), (Role(axis=2),)], ids=["told", "unknown", "axis"])
def test_a_detector_whose_scores_are_dead_differs(roles: tuple[Role, ...]) -> None:
    """54 dB and a cosine of 0.99997 over the whole tensor."""
    model = _detections()
    dead = model.copy()
    dead[..., 4:] = 0
    found = _judged(dead, model, *roles)
    assert found.answer == "differs"
    assert found.figures[0].channel in ("4", "5", "6")
    assert found.snr_db is not None and found.snr_db < 3
    assert found.reason.startswith("'y' differs: ") and "channel" in found.reason


def test_a_good_detector_says_the_same_where_its_roles_are_told() -> None:
    model = _detections()
    assert _judged(_noisy(model, 0.005), model, *DETECTOR).answer == "same"


def test_boxes_count_where_their_own_output_has_a_score_that_is_on() -> None:
    model = _detections()
    model[..., 4:] = np.where(np.arange(50)[:, None] < 5, 0.9, 0.1)
    moved = model.copy()
    moved[:, 5:, :4] += 200  # no box of those that are sure
    assert _judged(moved, model, *DETECTOR).answer == "same"
    moved[:, :5, :4] += 200
    found = _judged(moved, model, *DETECTOR)
    assert (found.answer, found.figures[0].figure) == ("differs", "boxes moved")


def test_a_segmentation_is_not_asked_for_the_arg_max_of_its_width() -> None:
    across = np.linspace(-4, 4, 32)
    shifts = RNG.uniform(-3, 3, (SAMPLES, 1, 1, 1))
    model = (across[:, None] + across + shifts)[:, :, :, :].astype(np.float32)
    model = np.broadcast_to(model, (SAMPLES, 1, 32, 32)).copy()
    variant = (model + RNG.normal(scale=0.005, size=model.shape)).astype(np.float32)
    last = variant.argmax(axis=-1) == model.argmax(axis=-1)
    assert last.mean() > 0.5  # and by it alone it would be refused
    assert _judged(variant, model, Role(kind="mask-logits")).answer == "same"
    assert _judged(variant, model).answer == "same"


@pytest.mark.parametrize(
    ("scale", "exact"), [(0.02, False), (1e-5, True), (1e-5, False), (1e-3, True)]
)
def test_small_numbers_are_judged_too(scale: float, exact: bool) -> None:
    """Nothing is absolute: zeros in place of numbers within 0.25, or of 1e-5 at float32."""
    model = RNG.normal(scale=scale, size=(SAMPLES, 3)).astype(np.float32)
    assert _judged(np.zeros_like(model), model, exact=exact).answer == "differs"
    assert _judged(model, model, exact=exact).answer == "same"


def test_unit_vectors_and_low_probabilities_are_judged_too() -> None:
    vectors = RNG.normal(size=(SAMPLES, 128))
    units = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    other = np.roll(units, 1, axis=1)
    assert _judged(other, units, Role(kind="embedding", axis=1)).answer == "differs"
    low = RNG.dirichlet(np.ones(1000), SAMPLES).astype(np.float32)
    assert (
        _judged(np.full_like(low, 1e-3), low, Role(kind="probabilities", axis=1)).answer != "same"
    )


@pytest.mark.parametrize(
    ("samples", "flips", "answer"),
    [(71, 4, "cannot tell"), (400, 100, "differs"), (30, 0, "cannot tell"), (400, 0, "same")],
)
def test_the_answer_is_what_the_interval_says(samples: int, flips: int, answer: Answer) -> None:
    """Two classes far apart, some of which are exchanged."""
    sides = np.where(np.arange(samples) % 2, 4.0, -4.0)
    model = np.stack([sides, -sides], axis=1).astype(np.float32)
    variant = model.copy()
    variant[:flips] *= -1
    found = _judged(variant, model, Role(kind="logits", axis=1))
    assert found.answer == answer
    if answer == "cannot tell":
        assert "'y' may or may not be the same" in found.reason
        assert "samples" in found.reason or "too near" in found.reason


def test_a_float_file_differs_by_one_sample_that_is_not_rounding() -> None:
    model = RNG.normal(size=(SAMPLES, 4)).astype(np.float32)
    variant = model.copy()
    variant[7, 2] += 0.1
    found = _judged(variant, model, exact=True)
    assert (found.answer, found.figures[0].channel) == ("differs", "2")
    assert _judged(variant[:7], model[:7], exact=True).reason.endswith(
        "at least 8 samples can tell, and these are 7"
    )


def test_a_regression_by_its_own_error_or_else_open() -> None:
    model = RNG.normal(size=(SAMPLES, 2)).astype(np.float32)
    variant = _noisy(model[:, None], 0.03)[:, 0]  # 30 dB
    found = _judged(variant, model, Role(kind="regression"))
    assert found.answer == "cannot tell"
    assert "--output y=regression,error=0.1" in found.reason
    of_state = _judged(variant, model, Role(kind="state"))
    assert "--output y=state,error=0.1" in of_state.reason  # else it would not be fed back
    assert _judged(variant, model, Role(kind="regression", error=0.3)).answer == "same"
    assert _judged(variant, model, Role(kind="regression", error=0.001)).answer == "differs"
    near = _judged(variant, model, Role(kind="regression", error=0.04))
    assert near.answer == "cannot tell"
    assert found.figures[0].waits and not near.figures[0].waits


def test_a_role_that_the_shape_cannot_have_is_open_and_says_so() -> None:
    model = RNG.normal(size=(SAMPLES, 3)).astype(np.float32)
    for variant in (model, -model):
        found = _judged(variant, model, Role(kind="boxes", axis=1))
        assert found.answer == "cannot tell"
        assert "a box is four numbers and not 3; say what 'y' is by --output" in found.reason


def test_limits_of_people_take_the_place_of_the_rules() -> None:
    allowed = parse_allowed(["y:noise-of-an-unknown-output=0.05", "b:flips=0.1"])
    assert allowed == {("y", "noise of an unknown output"): 0.05, ("b", "flips"): 0.1}
    model = RNG.normal(size=(SAMPLES, 2)).astype(np.float32)
    variant = _noisy(model[:, None], 0.15)[:, 0]
    (found,) = judge({"y": variant}, {"y": model}, Rule(allowed=allowed))
    assert found.answer == "same"
    assert (found.figures[0].same, found.figures[0].why) == (0.05, "--tolerance")
    with pytest.raises(InputError, match="--tolerance names 'b', but the model's outputs are y"):
        check_allowed(allowed, ["y"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y", "must be NAME:FIGURE=VALUE, with an output's name and a figure of margin-lost, "),
        ("y:flips", "must be NAME:FIGURE=VALUE"),
        ("flips=0.1", "must be NAME:FIGURE=VALUE"),
        ("y:flops=0.1", "; did you mean flips?"),
        *(
            (f"y:flips={value}", f"{value!r} is no limit of flips, which is a number above 0.")
            for value in ("-1", "0", "nan", "inf", "much", "20dB", "")
        ),
        *(
            (
                f"y:noise={value}",
                "no limit of noise, which is a share of the spread between 0 and 1, ",
            )
            for value in ("20", "1", "-3dB", "0dB", "dB")
        ),
    ],
)
def test_a_limit_that_is_none_is_refused_in_a_sentence(text: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        parse_allowed([text])


def test_noise_may_be_given_in_decibels() -> None:
    (shown,) = parse_allowed(["y:noise=20dB"]).values()
    assert shown == pytest.approx(0.01)
    assert limit_text("y:noise", shown) == "--tolerance: y:noise is the same from 20.0 dB on"
    assert limit_text("y:flips", 0.05) == "--tolerance: y:flips is the same up to 0.05"


def test_more_outputs_are_more_looks() -> None:
    """What differs by one output alone may be chance among a hundred."""
    model = RNG.normal(size=(64, 2)).astype(np.float32)
    sides = np.stack([np.where(np.arange(64) % 2, 4.0, -4.0)] * 2, axis=1) * [1, -1]
    variant = sides.copy()
    variant[:12] *= -1
    role = {"y": (Role(kind="logits", axis=1),)}
    (alone,) = judge({"y": variant}, {"y": sides}, Rule(role))
    others = {f"o{i}": model for i in range(600)}
    (among, *_) = judge({"y": variant} | others, {"y": sides} | others, Rule(role))
    assert (alone.answer, among.answer) == ("differs", "cannot tell")


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize(
    ("constant", "found", "answer"),
    [
        (3.0, 3.0, "cannot tell"),
        (3.0, 5.0, "differs"),
        (0.0, 0.0, "cannot tell"),
        (0, 1, "differs"),
    ],
)
def test_one_constant_proves_nothing_but_that_another_is_wrong(
    constant: float, found: float, answer: Answer, exact: bool
) -> None:
    model, variant = (np.full((SAMPLES, 2), value, np.float32) for value in (constant, found))
    judged = _judged(variant, model, exact=exact)
    assert judged.answer == answer
    wanted = "vary more" if answer == "cannot tell" else "not the one constant that the model gives"
    assert wanted in judged.reason


def test_of_an_axis_that_nobody_named_the_way_out_names_it() -> None:
    model = _detections().transpose(0, 2, 1)
    dead = model.copy()
    dead[:, 4:] = 0
    found = _judged(dead, model)
    assert found.reason.endswith("--output y=regression,axis=2 or --output y=regression,axis=1")
    assert _judged(dead, model, Role(kind="regression", axis=1)).answer == "differs"


@pytest.mark.parametrize("samples", [8, 64])
def test_equal_integers_of_a_float_file_need_no_more_samples_than_its_floats(samples: int) -> None:
    classes = np.arange(samples)[:, None] % 3
    (found,) = judge({"y": classes}, {"y": classes}, Rule({}, exact=True))
    assert found.answer == "same"


def test_of_a_float_file_a_column_of_integers_that_is_dead_differs() -> None:
    on = RNG.normal(size=(SAMPLES, 50)) > 0
    dead = on & (np.arange(50) != 7)
    (found,) = judge({"y": dead}, {"y": on}, Rule({}, exact=True))
    assert found.answer == "differs"


@pytest.mark.parametrize("exact", [True, False])
def test_a_constant_beside_what_varies_is_the_same_where_it_is_exact(exact: bool) -> None:
    varying = RNG.normal(size=(SAMPLES, 2)).astype(np.float32)
    constant = np.full((SAMPLES, 3), 7, np.float32)
    model = {"y": varying, "size": constant}
    rule = Rule(exact=exact)
    assert [found.answer for found in judge(model, model, rule)] == ["same", "same"]
    near = model | {"size": constant * np.float32(1 + 1e-6)}
    assert judge(near, model, rule)[1].answer == "cannot tell"
    assert judge({"size": constant}, {"size": constant}, rule)[0].answer == "cannot tell"


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("kind", ["boxes", "mask", "image", "integers", "unknown"])
def test_one_answer_to_all_samples_proves_nothing_though_its_positions_vary(
    kind: Kind, exact: bool
) -> None:
    sample = np.sort(RNG.uniform(0, 9, (1, 5, 4)), axis=2)
    model: Any = np.repeat(sample, SAMPLES, axis=0)
    model = model.astype(np.int64) if kind == "integers" else model.astype(np.float32) / 9
    found = _judged(model, model, Role(kind=kind), exact=exact)
    assert found.answer == "cannot tell" and "give samples in which it varies" in found.reason


@pytest.mark.filterwarnings("error")
@settings(max_examples=200)
@given(
    kind=st.sampled_from(KINDS),
    shape=st.tuples(st.sampled_from([1, 7, 64, 70]), *[st.sampled_from([0, 1, 2, 4, 7])] * 3),
    axes=st.integers(1, 4),
    dtype=st.sampled_from(["float32", "float16", "float64", "int64", "uint8", "bool"]),
    scale=st.sampled_from([1e-300, 1e-30, 1e-5, 1.0, 300.0, 1e30, 1e300, 3e307]),
    damage=st.sampled_from(["none", "noise", "zero", "nan", "order"]),
    inf=st.booleans(),
    exact=st.booleans(),
)
def test_any_arrays_get_an_answer_that_can_be_written_down(
    kind: Kind,
    shape: tuple[int, ...],
    axes: int,
    dtype: str,
    scale: float,
    damage: str,
    inf: bool,
    exact: bool,
) -> None:
    rng = np.random.default_rng(axes)
    exactly = rng.normal(size=shape[:axes]) * scale
    if inf and exactly.size:
        exactly.flat[0] = np.inf
    changed = {
        "none": exactly,
        "noise": exactly + rng.normal(size=exactly.shape) * scale / 1e3,
        "zero": exactly * 0 if np.isfinite(exactly).all() else exactly,
        "nan": np.full_like(exactly, np.nan),
        "order": exactly[::-1],
    }[damage]
    with np.errstate(all="ignore"):
        model, variant = (array.astype(dtype) for array in (exactly, changed))
    (found,) = judge({"y": variant}, {"y": model}, Rule({"y": (Role(kind=kind),)}, exact=exact))
    assert documents.decode(documents.encode(found), OutputParity, "it") == found
    assert bool(found.reason) == (found.answer != "same")
    if damage == "none":
        assert found.answer != "differs"
