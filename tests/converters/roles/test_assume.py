"""Who says what an output means, and who is heard first."""

import numpy as np
import numpy.typing as npt
import pytest

from edgeml.errors import InputError
from edgeml.parity.roles import Role
from edgeml_converters.roles.assume import assume_roles
from edgeml_converters.roles.given import check_names, parse_roles
from edgeml_converters.roles.graph import Graph, Made
from edgeml_converters.roles.labels import told_by_labels
from edgeml_converters.roles.unused import unused_labels

Array = npt.NDArray[np.float32]
RNG = np.random.default_rng(0)
CLASSES = RNG.integers(0, 4, 50)
LOGITS = (RNG.normal(size=(50, 4)) + 2 * np.eye(4)[CLASSES]).astype(np.float32)


def _assumed(
    values: npt.NDArray[np.generic],
    *,
    given: str = "",
    labels: npt.NDArray[np.generic] | None = None,
    graph: Graph | None = None,
) -> list[tuple[str, str]]:
    roles = parse_roles([f"y={given}"]) if given else {}
    told = told_by_labels({"y": values}, labels)
    assumed = assume_roles({"y": values}, roles, told, graph, {"y": "y"})
    return [(role.kind, role.source) for role in assumed["y"]]


def _by_labels(
    values: npt.NDArray[np.generic], labels: npt.NDArray[np.generic], *given: str
) -> tuple[Role, ...]:
    told = told_by_labels({"y": values}, labels)
    return assume_roles({"y": values}, parse_roles(given), told, None, {})["y"]


def _unused(answers: dict[str, Array], labels: npt.NDArray[np.generic] | None) -> tuple[str, ...]:
    return unused_labels(answers, labels, told_by_labels(answers, labels))


SOFTMAX = Graph({"y": Made("softmax", ("x",), 1)}, {"y": (None, 4), "x": (None, 4)})


def test_the_user_is_heard_first_then_labels_then_the_graph_then_values() -> None:
    p = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
    everything = {"labels": CLASSES, "graph": SOFTMAX}
    assert _assumed(p, given="signal", **everything) == [("signal", "user")]  # type: ignore[arg-type]
    assert _assumed(p, **everything) == [("probabilities", "labels")]  # type: ignore[arg-type]
    assert _assumed(p, graph=SOFTMAX) == [("probabilities", "graph")]
    assert _assumed(p) == [("probabilities", "values")]
    assert _assumed(LOGITS) == [("unknown", "nothing")]


def test_labels_tell_logits_from_probabilities_and_scores_from_their_logits() -> None:
    assert _assumed(LOGITS, labels=CLASSES) == [("logits", "labels")]
    one_hot = np.eye(4)[CLASSES]
    assert _assumed(LOGITS, labels=one_hot) == [("logits", "labels")]
    assert _assumed(LOGITS, labels=one_hot.astype(np.bool_)) == [("logits", "labels")]
    marks = (LOGITS + RNG.normal(size=LOGITS.shape) > 0).astype(np.int64)
    assert _assumed(LOGITS, labels=marks) == [("score-logits", "labels")]
    assert _assumed(1 / (1 + np.exp(-LOGITS)), labels=marks) == [("scores", "labels")]


@pytest.mark.parametrize("shape", [(400,), (400, 1)])
def test_targets_tell_the_models_own_error(shape: tuple[int, ...]) -> None:
    values = RNG.normal(size=(400, 1)).astype(np.float32)
    noise = RNG.normal(size=400)
    targets = (values[:, 0] + 0.05 / np.abs(noise).mean() * noise).reshape(shape)
    (role,) = _by_labels(values, targets)
    assert (role.kind, role.source) == ("regression", "labels")
    assert role.error == (pytest.approx(0.05, rel=0.1),)
    (role,) = _by_labels(values, targets, "y=regression")
    assert (role.source, role.error) == ("user", (pytest.approx(0.05, rel=0.1),))


def test_each_column_has_an_error_of_its_own() -> None:
    """Metres beside millionths of them: one error for both would allow anything of the small."""
    values = RNG.normal(size=(400, 3)) * (20, 1e-5, 1)
    noise = RNG.normal(size=(400, 3))
    targets = values + noise / np.abs(noise).mean(axis=0) * (1, 1e-7, 0.05)
    (role,) = _by_labels(values, targets)
    assert role.error == pytest.approx((1, 1e-7, 0.05), rel=0.1)
    first, *_ = _by_labels(values, targets, "y=signal,channels=1")
    assert [r.error for r in (first, *_) if r.kind == "signal"] == [pytest.approx((1e-7,), rel=0.1)]


@pytest.mark.parametrize("columns", [2, 4, 64])
def test_labels_of_another_output_say_nothing(columns: int) -> None:
    """Of a head that is too narrow, as wide, and wider: its arg max knows nothing of them."""
    head = RNG.normal(size=(50, columns)).astype(np.float32)
    head[:, 1] += 3  # and one column is the largest nearly always
    assert _assumed(head, labels=CLASSES) == [("unknown", "nothing")]
    assert _assumed(head, labels=np.eye(4)[CLASSES]) == [("unknown", "nothing")]


def test_labels_that_fit_no_output_are_told_of() -> None:
    heads = {"a": LOGITS, "b": LOGITS[:, :1]}
    for fit in (CLASSES, np.eye(4)[CLASSES], CLASSES[:, None], LOGITS + 1, LOGITS[:, 0]):
        assert _unused(heads, fit) == ()
    assert _unused(heads, None) == ()
    (said,) = _unused(heads, np.zeros((len(LOGITS), 7)))
    n = len(LOGITS)
    assert said == (
        f"The labels, float64 [{n}, 7], fit no output (a [{n}, 4], b [{n}, 1]) and decide nothing; "
        "labels are numbers from 0 on or names of an output's classes, or targets in an output's "
        "shape."
    )


def test_labels_that_agree_with_no_output_that_they_fit_are_told_of() -> None:
    heads = {"a": LOGITS, "b": LOGITS[:, :1]}
    for known in (CLASSES, LOGITS[:, 0] + 0.1, LOGITS + 0.1, np.rint(2 * LOGITS).astype(np.int64)):
        assert _unused(heads, known) == ()
    whole, other = {"classes": CLASSES}, RNG.permutation(CLASSES)
    foreign = [
        of
        for _ in range(20)
        for of in (RNG.permutation(CLASSES), RNG.normal(size=50), RNG.normal(size=(50, 4)))
    ]
    told = [said for of in foreign for said in _unused(heads, of)]
    assert len(told) >= 57
    assert sum("agree with no output that they fit (" in said for said in told) >= 40
    # No rule tells chance for an output of integers.
    assert unused_labels(whole, other, told_by_labels(whole, other), ["classes"]) == ()


def test_labels_of_pixels_are_of_the_axis_that_they_leave_out() -> None:
    classes = RNG.integers(0, 3, (20, 8, 8))
    first = np.moveaxis(np.eye(3)[classes] + RNG.normal(size=(20, 8, 8, 3)), -1, 1)
    values = first.astype(np.float32)
    for labels in (classes, classes[..., None]):
        (role,) = _by_labels(values, labels)
        assert (role.kind, role.axis, role.source) == ("logits", 1, "labels")
        assert _unused({"y": values}, labels) == ()
    (role,) = _by_labels(np.moveaxis(values, 1, -1), classes)
    assert (role.kind, role.axis) == ("logits", 3)
    square = RNG.integers(0, 8, (20, 8, 8))  # of any of three axes, by their sizes
    values = np.moveaxis(np.eye(8)[square], -1, 2).astype(np.float32)
    (role,) = _by_labels(values, square)
    assert (role.kind, role.axis) == ("probabilities", 2)


def test_foreign_labels_are_seldom_taken_for_an_outputs_own() -> None:
    rng = np.random.default_rng(1)
    taken = 0
    for _ in range(400):
        common = rng.random((4, 4)) ** 2  # of both some classes are frequent
        head = rng.normal(size=(60, 4)) + common[0]
        labels = rng.choice(4, 60, p=common[1] / common[1].sum())
        taken += _assumed(head, labels=labels) != [("unknown", "nothing")]
    assert taken <= 10


def test_directions_that_agree_with_labels_are_directions() -> None:
    unit = LOGITS / np.linalg.norm(LOGITS, axis=1, keepdims=True)
    assert _assumed(unit, labels=CLASSES) == [("embedding", "values")]
    shown = Graph({"y": Made("unit vectors", ("x",), 1)}, {"y": (None, 4), "x": (None, 4)})
    assert _assumed(LOGITS, labels=CLASSES, graph=shown) == [("embedding", "graph")]
    sigmoid = Graph({"y": Made("sigmoid", ("x",))}, {"y": (None, 4), "x": (None, 4)})
    assert _assumed(LOGITS, labels=CLASSES, graph=sigmoid) == [("logits", "labels")]


def test_targets_and_marks_of_another_output_tell_no_error_and_no_scores() -> None:
    """An error as of an answer that is always the same would let anything pass."""
    values, targets = RNG.normal(size=(2, 50, 1))
    assert _assumed(values, labels=targets) == [("unknown", "nothing")]
    (role,) = _by_labels(values, targets, "y=regression")
    assert role.error is None
    marks = RNG.integers(0, 2, (50, 4))
    assert _assumed(RNG.normal(size=(50, 4)), labels=marks) == [("unknown", "nothing")]


def test_whole_numbers_are_integers() -> None:
    assert _assumed(CLASSES) == [("integers", "values")]


def test_vectors_of_length_1_are_an_embedding() -> None:
    assert _assumed(LOGITS / np.linalg.norm(LOGITS, axis=1, keepdims=True)) == [
        ("embedding", "values")
    ]


def test_numbers_from_0_to_1_may_be_a_signal() -> None:
    assert _assumed(RNG.random((50, 3)).astype(np.float32)) == [("unknown", "nothing")]


def test_what_the_user_says_of_some_channels_leaves_the_others_unknown() -> None:
    rows = RNG.normal(size=(50, 10, 6)).astype(np.float32)
    roles = assume_roles(
        {"y": rows}, parse_roles(["y=boxes,axis=2,channels=0:4,corners=cxcywh"]), {}, None, {}
    )
    assert [(role.kind, role.start, role.stop) for role in roles["y"]] == [
        ("boxes", 0, 4), ("unknown", 4, 6),
    ]  # fmt: skip


def test_what_the_user_writes_is_understood() -> None:
    roles = parse_roles(
        [
            "rows=scores,axis=2,channels=4:,threshold=0.3",
            "rows=boxes,axis=2,channels=:4,corners=cxcywh,scores=rows",
            "age=regression,error=2.5",
        ]
    )
    assert roles["rows"] == (
        Role(kind="boxes", axis=2, stop=4, corners="cxcywh", scores="rows", source="user"),
        Role(kind="scores", axis=2, start=4, threshold=0.3, source="user"),
    )
    assert roles["age"] == (Role(kind="regression", error=2.5, source="user"),)
    assert parse_roles(["y=scores,channels=3"])["y"][0].stop == 4


@pytest.mark.parametrize(
    "text",
    [
        "y",
        "y=",
        "=scores",
        "y=detector",
        "y=scores,axis=0",
        "y=scores,axis=x",
        "y=scores,threshold=1.5",
        "y=scores,threshold=nan",
        "y=regression,error=-1",
        "y=boxes,corners=xx",
        "y=boxes,channels=4:4",
        "y=boxes,channels=-1:4",
        "y=boxes,scores=",
        "y=boxes,colour=red",
    ],
)
def test_what_is_no_role_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(InputError, match="--output"):
        parse_roles([text])


def test_two_roles_of_the_same_channels_are_refused() -> None:
    with pytest.raises(InputError, match="two roles for the same channels"):
        parse_roles(["y=boxes", "y=scores,channels=4:"])


def test_ranges_on_different_axes_are_refused_and_one_axis_may_be_written_in_two_ways() -> None:
    rows = {"y": RNG.random((50, 10, 6))}
    given = parse_roles(["y=boxes,axis=2,channels=:4", "y=scores,axis=-1,channels=4:"])
    assert [role.kind for role in assume_roles(rows, given, {}, None, {})["y"]] == [
        "boxes", "scores",
    ]  # fmt: skip
    given = parse_roles(["y=boxes,axis=1,channels=:4", "y=scores,axis=2,channels=4:"])
    with pytest.raises(InputError, match="the same axis"):
        assume_roles(rows, given, {}, None, {})


def test_a_role_of_an_output_that_there_is_not_is_refused() -> None:
    with pytest.raises(InputError, match="the model's outputs are a, b"):
        check_names(parse_roles(["c=scores"]), ["a", "b"])
    with pytest.raises(InputError, match="names 'c', but the model's outputs are a, b"):
        check_names(parse_roles(["a=boxes,scores=c"]), ["a", "b"])
    check_names(parse_roles(["a=boxes,scores=b"]), ["a", "b"])
    with pytest.raises(InputError, match="names 'c'"):
        assume_roles({"a": LOGITS}, parse_roles(["a=boxes,scores=c"]), {}, None, {})


@pytest.mark.parametrize(
    "text", ["axis=2", "axis=-2", "axis=7", "channels=4", "channels=4:", "channels=2:5"]
)
def test_an_axis_or_channels_that_the_output_has_not_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="--output gives 'y'"):
        _assumed(LOGITS, given=f"regression,{text}")
    assert _assumed(LOGITS, given="regression,axis=-1,channels=0:4") == [("regression", "user")]


def test_a_name_may_have_what_the_form_has() -> None:
    named = {name: parse_roles([f"{name}=logits,axis=1"]) for name in ("a=b", "c:d e", "f,g", "h=")}
    assert [list(roles) for roles in named.values()] == [[name] for name in named]
    assert all(roles[name][0].axis == 1 for name, roles in named.items())
