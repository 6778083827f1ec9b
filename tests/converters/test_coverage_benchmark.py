"""The benchmark of coverage counts rightly, checks by itself, and goes on where it stopped.

What is converted here is tiny; some of the architectures are in test_public_architectures.py.
"""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.converters.benchmark_parts import BENCHMARKS, on_path, part


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from on_path(monkeypatch)


def ran(
    name: str, said: str = "same", *, most: float | None = 1e-6, bare: float | None = 1e-6
) -> Any:
    """One that is converted to ONNX at float32; None: there the check finds another shape."""
    running = part("coverage_models.running")
    found = running.Ran(name, "tests", "nobody", "torch")
    snr = None if most is None else 100.0
    found.ours["onnx-fp32"] = running.Cell(
        said, 3.0, snr, most, "" if said == "same" else "off | so"
    )
    found.bare["onnx-fp32"] = running.Cell("file", 2.0, bare and 100.0, bare)
    return found


def names(found: Sequence[Any]) -> list[str]:
    return [architecture.name for architecture, _, _ in found]


def test_what_edgeml_says_is_held_against_the_check() -> None:
    sums = part("coverage_models.sums")
    rans = [
        ran("fine"),
        ran("blind", most=0.5),
        ran("blind to shapes", most=None),
        ran("rounding", most=5e-3),
        ran("too strict", "differs"),
        ran("too careful", "cannot tell"),
        ran("behind", "no file", most=None),
        ran("behind with a file", "differs", most=None),
        ran("both fail", "no file", most=None, bare=None),
    ]
    assert names(sums.wrongly_same(rans)) == ["blind", "blind to shapes"]
    assert names(sums.wrongly_refused(rans)) == ["too strict", "too careful"]
    assert names(sums.behind_exporter(rans)) == ["behind", "behind with a file"]
    figures, why = sums.figures_of(rans, 12)
    assert figures["onnx_fp32_proven"] == 4 / 9
    assert (figures["naive_onnx_fp32_proven"], figures["not_run"]) == (8 / 9, 3)
    assert figures["time_ratio"] == figures["time_ratio_onnx"] == 1.5
    assert {"tflite_fp32_proven", "int8_proven"} <= why.keys()


def test_int8_is_right_by_its_noise_and_an_open_answer_refuses_nothing() -> None:
    sums, running = part("coverage_models.sums"), part("coverage_models.running")
    found = running.Ran("quantised", "tests", "nobody", "torch")
    for form, said, snr in (("onnx", "cannot tell", 40.0), ("tflite", "same", 3.0)):
        found.ours[f"{form}-int8"] = running.Cell(said, None, snr, 0.1)
    assert sums.wrongly_refused([found]) == []
    assert [variant for _, variant, _ in sums.wrongly_same([found])] == ["tflite-int8"]
    figures, _ = sums.figures_of([found], 1)
    assert figures["int8_proven"] == figures["int8_cannot_tell"] == 0.5


def test_noise_is_held_against_the_spread_over_samples() -> None:
    noise = part("coverage_models.check").noise
    expected = np.random.default_rng(1).normal(0, 1, (50, 3)) + 1000
    assert noise(expected, expected) == (200.0, 0.0)
    snr, most = noise(expected + 0.1, expected)
    assert snr == pytest.approx(20, abs=1.5) and most == pytest.approx(0.1, rel=0.3)
    assert noise(expected[:, :2], expected) == (None, None)
    assert noise(np.where(expected > 1000, np.nan, expected), expected) == (None, None)
    assert noise(np.ones((4, 2)), np.zeros((4, 2))) == (None, None)


def test_outputs_are_found_by_name_and_else_in_their_order() -> None:
    check = part("coverage_models.check")
    by_name = check.asked_for([("scores", None), ("boxes", None)], ["boxes", "scores"])
    assert by_name == ["scores", "boxes"]
    assert check.asked_for([("a", "x:0"), ("b", "y:0")], ["y:0", "x:0"]) == ["x:0", "y:0"]
    assert check.numbered(["output_10", "output_2"]) == ["output_2", "output_10"]
    assert check.asked_for([("a", None)], ["output_0"]) == ["output_0"]


def linear(path: Path, weights: Any) -> None:
    """y = x @ weights, with a free batch."""
    free = ["n", 3], ["n", 2]
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in zip("xy", free, strict=True)
    )
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "linear", [x], [y], [numpy_helper.from_array(weights, "w")])
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)


def test_the_check_runs_files_and_tells_right_from_wrong(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    weights = random.normal(0, 1, (3, 2)).astype(np.float32)
    inputs = random.normal(0, 1, (8, 3)).astype(np.float32)
    linear(tmp_path / "right.onnx", weights)
    linear(tmp_path / "wrong.onnx", (weights * [1, 1.1]).astype(np.float32))
    (tmp_path / "broken.onnx").write_bytes(b"none")
    np.savez(tmp_path / "inputs.npz", image=inputs)
    np.savez(tmp_path / "answers.npz", **{"0": inputs @ weights})
    (tmp_path / "answers.json").write_text('["logits"]')
    files = [
        ["right", "right.onnx", None, None],
        ["named", "right.onnx", {"image": "x"}, {"logits": "y"}],
        ["wrong", "wrong.onnx", None, None],
        ["broken", "broken.onnx", None, None],
    ]
    (tmp_path / "files.json").write_text(json.dumps(files))
    command = [sys.executable, str(BENCHMARKS / "coverage_models" / "check.py"), str(tmp_path)]
    path = os.pathsep.join([str(BENCHMARKS), str(BENCHMARKS.parent)])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["right"] == found["named"] and found["right"]["most"] < 1e-5
    assert found["wrong"]["most"] > 0.01
    assert found["broken"]["most"] is None and found["broken"]["error"]


def test_a_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    coverage, state = part("coverage"), part("coverage_models.state")
    asked: list[str] = []

    def run(name: str, *_: object) -> Any:
        if len(asked) == 2:
            raise KeyboardInterrupt
        asked.append(name)
        return ran(name)

    kept = state.State(tmp_path, "v1")
    with pytest.raises(KeyboardInterrupt):
        coverage.whole(kept, ["a", "b", "c"], run)
    assert [found.name for found in coverage.whole(kept, ["a", "b", "c"], None)] == ["a", "b"]
    assert asked == ["a", "b"]
    asked.clear()
    found = coverage.whole(kept, ["a", "b", "c"], run)
    assert asked == ["c"] and found == [ran("a"), ran("b"), ran("c")]
    coverage.whole(kept, ["a"], run, fresh=True)
    assert asked == ["c", "a"]


def test_what_other_code_or_half_a_run_has_left_is_not_read(tmp_path: Path) -> None:
    state = part("coverage_models.state")
    state.State(tmp_path, "v1").write(ran("a"))
    assert state.State(tmp_path, "v1").read("a") == ran("a")
    assert state.State(tmp_path, "v2").read("a") is None
    assert state.State(tmp_path, "v1").read("b") is None
    (tmp_path / "a.json").write_text('{"version": "v1", "ran": {"name"')
    assert state.State(tmp_path, "v1").read("a") is None


def test_the_version_of_the_code_moves_with_what_converts(tmp_path: Path) -> None:
    state = part("coverage_models.state")

    def git(*arguments: str) -> None:
        author = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", *author, *arguments], cwd=tmp_path, check=True, capture_output=True)

    for folder in (*state.CODE, "benchmarks"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "code.py").write_text("1\n")
    git("init")
    git("add", ".")
    git("commit", "-m", "First.")
    first = state.code_version(tmp_path)
    (tmp_path / "benchmarks" / "code.py").write_text("2\n")
    git("commit", "-a", "-m", "Second.")
    assert state.code_version(tmp_path) == first
    (tmp_path / "converters" / "code.py").write_text("2\n")
    assert state.code_version(tmp_path) != first


def test_the_table_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    table = part("coverage_models.table")
    page = "# Page\n\n| PyTorch | ONNX |\n"
    first = table.placed(page, table.section([ran("fine")]))
    second = table.placed(first, table.section([ran("other"), ran("strict", "differs")]))
    assert second.startswith(page) and "fine" not in second
    assert second.count(table.BEGIN) == second.count(table.END) == 1
    assert "- strict onnx-fp32, differs: off / so\n" in second
    zoo = importlib.import_module("tests.converters.zoo.table")
    assert page + zoo.sections(second) == second
    assert zoo.sections(page) == ""


def test_every_architecture_is_one_of_its_kind() -> None:
    zoo = part("coverage_models.zoo").ARCHITECTURES
    assert len(zoo) >= 40
    assert 0.25 <= sum(of.int8 for of in zoo.values()) / len(zoo) <= 0.5
    assert {of.package for of in zoo.values()} >= {"torchvision", "timm", "transformers", "keras"}
    for of in zoo.values():
        first, again = of.data(4, seed=1), of.data(4, seed=1)
        assert {len(array) for array in first.values()} == {4}, of.name
        assert all(np.array_equal(first[key], again[key]) for key in first), of.name


@pytest.mark.torch
def test_random_weights_leave_no_part_dead(tmp_path: Path) -> None:
    import torch

    alive, fitting = part("coverage_models.alive"), part("coverage_models.fitting")
    torch.manual_seed(1)
    layers: Any = [torch.nn.Conv2d(1, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(8 * 36, 4))
    torch.nn.init.zeros_(layers[1].weight)
    labels = np.arange(64) % 4
    means = np.random.default_rng(3).normal(0, 1, (4, 1, 8, 8))
    images = {"x": (means[labels] + 0.1 * np.arange(64).reshape(-1, 1, 1, 1)).astype(np.float32)}
    alive.enliven_torch(model, images)
    assert not model.training and float(layers[1].running_var.min()) > 0
    assert float(layers[1].weight.detach().min()) >= 0.5
    fitting.fit_torch(model, images, labels)
    with torch.no_grad():
        answered = model(torch.from_numpy(images["x"])).numpy()
    assert (answered.argmax(1) == labels).mean() > 0.9


def test_an_architecture_that_is_not_there_is_named() -> None:
    command = [sys.executable, str(BENCHMARKS / "coverage.py"), "--stored", "sundial"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and "sundial" in done.stderr


def test_without_results_every_figure_has_its_reason(tmp_path: Path) -> None:
    command = [sys.executable, str(BENCHMARKS / "coverage.py"), "--stored", "--state"]
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=True)
    document: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    targets = part("all").TARGETS["coverage"]
    assert targets.keys() <= document["figures"].keys()
    assert document["why"].keys() == {k for k, v in document["figures"].items() if v is None}
