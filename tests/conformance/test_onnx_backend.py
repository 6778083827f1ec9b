"""The ONNX project's conformance cases through the engine that predicts on devices.

Every case passes or has a named reason; the counts stand in record.json and may not fall. There,
what differs by rounding alone counts as passed, since that depends on the processor.
"""

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.conformance.cases import KINDS, Case
from tests.conformance.judge import KNOWN, PASSED, UNNAMED, Reason, judge
from tests.conformance.judged import Outcomes, outcomes

RECORD = Path(__file__).with_name("record.json")
Counts = dict[str, dict[str, int]]  # kind -> outcome -> cases


@pytest.fixture(scope="module")
def judged() -> Outcomes:
    return outcomes()


def _counts(judged: Outcomes) -> Counts:
    found = {kind: Counter(o for (k, _), o in judged.items() if k == kind) for kind in KINDS}
    return {kind: dict(sorted(counter.items())) for kind, counter in found.items()}


def _for_the_record(counts: Counts) -> Counts:
    found = {kind: Counter(counter) for kind, counter in counts.items()}
    for counter in found.values():
        counter[PASSED] += counter.pop(Reason.ROUNDING, 0)
    return {kind: dict(sorted(counter.items())) for kind, counter in found.items()}


def test_every_case_passes_or_has_a_named_reason(judged: Outcomes) -> None:
    named = {PASSED, *Reason}
    assert {case: o for case, o in judged.items() if o not in named} == {}
    assert {name for (_, name), o in judged.items() if o == KNOWN.get(name)} == KNOWN.keys()


def test_the_counts_are_those_on_record(
    judged: Outcomes, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = _counts(judged)
    record: Counts = json.loads(RECORD.read_text())
    with capsys.disabled():
        for kind, counter in counts.items():
            print(f"\n{kind}: {counter.get(PASSED, 0)} of {sum(counter.values())} pass", end="")
            for outcome, count in counter.items():
                if outcome != PASSED:
                    print(f"\n  {count:4} {outcome}", end="")
    found = _for_the_record(counts)
    for kind in KINDS:
        now, before = found[kind][PASSED], record[kind][PASSED]
        assert now >= before, f"{kind}: {now} cases pass, {before} did"
        assert now <= before, f"{kind}: {now} cases pass, more than {before}; raise it in {RECORD}"
    assert found == record


def _relu(expected: float) -> Case:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "relu", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    sets = [([np.array([3], np.float32)], [np.array([expected], np.float32)])]
    return Case("node", "test_relu_of_ours", model, sets, 1e-3, 1e-7)


@pytest.mark.parametrize(("expected", "outcome"), [(3.0, PASSED), (3.1, f"{UNNAMED}: y differs")])
def test_a_wrong_answer_has_no_name(tmp_path: Path, expected: float, outcome: str) -> None:
    assert judge(_relu(expected), tmp_path) == outcome


def test_a_crash_is_named_and_the_cases_behind_it_are_judged() -> None:
    program = """
import json, os, signal, sys
for name in ["a", "b", "c"][int(sys.argv[1]):]:
    print(json.dumps(["node", name]), flush=True)
    if name == "b":
        os.kill(os.getpid(), signal.SIGKILL)
    print(json.dumps("passed"), flush=True)
"""
    found = outcomes(lambda part, skip: [sys.executable, "-c", program, str(skip)], parts=1)
    assert found == {("node", "a"): PASSED, ("node", "b"): Reason.CRASHED, ("node", "c"): PASSED}
