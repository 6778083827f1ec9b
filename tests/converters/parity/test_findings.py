"""From figures to names: each fault has its own, says where, and says what to do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml.evidence import Evidence, Invariant
from edgeml.faults import Fault
from edgeml.parity import Array
from edgeml.parity.answers import OutputParity
from edgeml_converters.evidence.evidence import evidence
from edgeml_converters.parity.findings import findings
from edgeml_converters.parity.judging import judge
from edgeml_converters.parity.rule import Rule

EYE = np.tile(np.eye(4, dtype=np.float32), (2, 1))


def _row(found: Array, expected: Array = EYE) -> OutputParity:
    return judge({"y": found}, {"y": expected}, Rule(exact=True))[0]


def _held(name: str, passed: bool) -> Invariant:
    message = "" if passed else f"{name} was not as it must be"
    return Invariant(name=name, passed=passed, message=message)  # type: ignore[arg-type]


def test_nothing_wrong_is_nothing_found() -> None:
    held = [_held(name, True) for name in ("repeat", "shuffle", "batch", "resize", "finite")]
    deep = evidence({"y": EYE}, {"y": EYE})
    assert findings([_row(EYE)], held, deep, "onnxruntime", False) == ()
    assert findings([_row(EYE)], (), None, "onnxruntime", False) == ()


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("repeat", Fault.KEPT_STATE),
        ("shuffle", Fault.KEPT_STATE),
        ("batch", Fault.BATCH_DEPENDENT),
        ("resize", Fault.BATCH_DEPENDENT),
        ("finite", Fault.NOT_FINITE),
        ("constant", Fault.CONSTANT_OUTPUT),
    ],
)
def test_each_broken_invariant_has_its_fault(name: str, fault: Fault) -> None:
    (found,) = findings([_row(EYE)], [_held(name, False)], None, "litert", False)
    assert (found.fault, found.severity, found.engines) == (fault, "error", ("litert",))
    assert found.message.startswith(f"litert: {name} was not as it must be; ")
    assert found.message.endswith(".")


def test_kept_state_explains_another_batch_size() -> None:
    held = [_held(name, False) for name in ("repeat", "shuffle", "batch", "resize")]
    (found,) = findings([_row(EYE)], held, None, "tflite", False)
    assert found.fault is Fault.KEPT_STATE
    assert "repeat was" in found.message and "shuffle was" in found.message


def test_wrong_values_come_with_their_figures() -> None:
    wrong = EYE.copy()
    wrong[2] = [5, 0, 0, 0]
    deep = evidence({"y": wrong}, {"y": EYE})
    (found,) = findings([_row(wrong)], (), deep, "onnxruntime", False)
    assert (found.fault, found.where) == (Fault.WRONG_VALUES, "y")
    for part in (
        "'y' differs: rounding -",
        " in channel 0 where at least 80.0 dB is the same",
        "1 sample with another class, in sample 2 though the model was ahead by 1",
        "edgeml bisect",
    ):
        assert part in found.message


def test_another_shape_is_wrong_values_in_words() -> None:
    (found,) = findings([_row(EYE[:, :2])], (), Evidence(outputs=()), "onnxruntime", False)
    assert found.fault is Fault.WRONG_VALUES
    assert found.message.startswith(
        "onnxruntime: it gives shape [8, 2] where the model gives [8, 4]"
    )


def test_nan_is_not_finite_and_not_wrong_values_too() -> None:
    bad = EYE * np.nan
    held = [_held("finite", False)]
    (found,) = findings([_row(bad)], held, Evidence(outputs=()), "tflite", False)
    assert found.fault is Fault.NOT_FINITE


def test_a_difference_within_the_tolerance_of_parity_is_a_warning() -> None:
    held = [Invariant(name="batch", passed=True, figure=0.1, message="'y' differs by 0.1")]
    (found,) = findings([_row(EYE)], held, None, "onnxruntime", False)
    assert (found.fault, found.severity) == (Fault.BATCH_DEPENDENT, "warning")
    assert "'y' differs by 0.1; send single samples" in found.message
    (found,) = findings([_row(EYE)], [*held, _held("resize", False)], None, "onnxruntime", False)
    assert (found.fault, found.severity) == (Fault.BATCH_DEPENDENT, "error")


def test_permuted_names_are_a_warning() -> None:
    (found,) = findings([_row(EYE)], (), None, "tflite", True)
    assert (found.fault, found.severity) == (Fault.PERMUTED_OUTPUTS, "warning")
    assert "the contract's names" in found.message


@given(
    st.dictionaries(
        st.sampled_from(["repeat", "shuffle", "batch", "resize", "finite", "constant"]),
        st.booleans(),
    ),
    st.booleans(),
    st.booleans(),
)
def test_an_error_is_found_exactly_where_something_failed(
    held: dict[str, bool], right: bool, permuted: bool
) -> None:
    row = _row(EYE if right else EYE + 1)
    invariants = [_held(name, passed) for name, passed in held.items()]
    found = findings([row], invariants, None, "onnxruntime", permuted)
    errors = [finding for finding in found if finding.severity == "error"]
    assert bool(errors) == (not right or not all(held.values()))
    assert len({(f.fault, f.where) for f in found}) == len(found)
    assert (len(found) - len(errors) == 1) == permuted
