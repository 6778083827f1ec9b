"""Models that take and give other things than tensors by position with the sample first."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeml.errors import InputError
from edgeml_converters.asked import Asked, check_batch_axes, parse_batch_axes
from edgeml_converters.compare.compare import compare_models
from edgeml_converters.frameworks.nested import flatten, nest
from edgeml_converters.frameworks.onnx_adapted import adapted
from tests.converters.commands import HERE, Ended, convert, write_data

TORCH = HERE / "torch_forms.py"


def _engines(ended: Ended) -> list[str]:
    assert ended.code == 0, ended.err
    return [row["answer"] for v in ended.report["variants"] for row in v["engines"]]


@pytest.mark.torch
def test_states_of_an_lstm_inside_a_tuple_and_on_their_own_axis(tmp_path: Path) -> None:
    """x is [steps, samples, 4] and each state [layers, samples, 8] to the model itself."""
    shapes: dict[str, Any] = {"x": (5, 4), "states.0": (2, 8), "states.1": (2, 8)}
    data = write_data(tmp_path / "data.npz", samples=20, **shapes)
    out = tmp_path / "out"
    fed_back = [f"output_1.{n}=state,input=states.{n}" for n in range(2)]
    states = [word for text in fed_back for word in ("--output", text)]
    ended = convert(f"{TORCH}:remembering", data, out, "--batch-axis", "1", *states)
    assert set(_engines(ended)) == {"same"}
    for variant in ended.report["variants"]:
        compared = compare_models(
            f"{TORCH}:remembering", str(out / variant["entry"]), data, batch_axes=["1"]
        )
        assert compared.answer == "same"
        assert variant["inputs"] == {name: name for name in shapes}
        assert len(variant["engines"][0]["fed_back"]) == 3
    assert list(ended.report["roles"]) == ["output_0", "output_1.0", "output_1.1"]


@pytest.mark.torch
def test_arguments_by_keyword_and_answers_inside_of_answers(tmp_path: Path) -> None:
    """`gain` may be left out; None in an answer is left out too."""
    shapes: dict[str, Any] = {"left": (4,), "right": (4,)}
    more: list[dict[str, Any]] = [{}, {"gain": (1,)}]
    for besides in more:
        data = write_data(tmp_path / "data.npz", samples=12, **shapes, **besides)
        out = tmp_path / f"out{len(besides)}"
        ended = convert(f"{TORCH}:by_keyword", data, out, to=["onnx"])
        assert set(_engines(ended)) == {"same"}
        assert set(ended.report["roles"]) == {"sum", "parts.left"}


@pytest.mark.torch
def test_a_model_of_one_sample_at_a_time(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data.npz", samples=12, x=(4,))
    ended = convert(f"{TORCH}:of_one", data, tmp_path / "out", "--batch-axis", "none", to=["onnx"])
    assert set(_engines(ended)) == {"same"}
    assert [variant["batch"] for variant in ended.report["variants"]] == [1]
    ended = convert(f"{TORCH}:of_one", data, tmp_path / "none", to=["onnx"])
    assert ended.code == 2 and "The model refused the data" in ended.sentence


def _recurrent(path: Path) -> Path:
    """state' = tanh(state + x), with the samples on axis 1 of the state; the scale has none."""
    nodes = [
        helper.make_node("Unsqueeze", ["x", "first"], ["x1"]),
        helper.make_node("Add", ["state", "x1"], ["sum"]),
        helper.make_node("Mul", ["sum", "scale"], ["scaled"]),
        helper.make_node("Tanh", ["scaled"], ["state1"]),
        helper.make_node("ReduceMean", ["state1"], ["y"], axes=[0], keepdims=0),
    ]

    def tensor(name: str, *sizes: Any) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes)

    graph = helper.make_graph(
        nodes,
        "recurrent",
        [tensor("x", "n", 4), tensor("state", 2, "n", 4)],
        [tensor("y", "n", 4), tensor("state1", 2, "n", 4)],
        [
            numpy_helper.from_array(np.array([0]), "first"),
            numpy_helper.from_array(np.array(0.5, np.float32), "scale"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


def test_an_onnx_file_whose_state_has_its_samples_on_another_axis(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data.npz", samples=16, x=(4,), state=(2, 4))
    file = _recurrent(tmp_path / "net.onnx")
    ended = convert(file, data, tmp_path / "none", to=["onnx"])
    assert ended.code == 2 and "'state'" in ended.sentence
    axes = ("--batch-axis", "state=1", "--batch-axis", "state1=1", "--output", "state1=state")
    ended = convert(file, data, tmp_path / "out", *axes, to=["onnx"])
    assert set(_engines(ended)) == {"same"}
    arrays = np.load(data)
    import onnxruntime

    made = onnxruntime.InferenceSession(str(tmp_path / "out" / "onnx-fp32" / "model.onnx"))
    y, state = made.run(["y", "state1"], {"x": arrays["x"], "state": arrays["state"]})
    expected = np.tanh((arrays["state"] + arrays["x"][:, None]) * 0.5)
    np.testing.assert_allclose(np.asarray(state), expected, atol=1e-6)
    np.testing.assert_allclose(np.asarray(y), expected.mean(axis=1), atol=1e-6)


def test_nodes_that_get_the_name_of_their_output_have_one_of_their_own(tmp_path: Path) -> None:
    """As quantisation names those without; ONNX Runtime refuses two of one name."""
    asked = Asked(batch_axes=parse_batch_axes(["state=1", "state1=1"]))
    made = onnx.load(adapted(_recurrent(tmp_path / "net.onnx"), asked, tmp_path))
    names = [node.name or node.output[0] for node in made.graph.node]
    assert len(set(names)) == len(names) == 7


def test_paths_into_what_is_nested_and_back() -> None:
    value = {"x": 1, "states": (2, {"h": 3, "c": 4}), "none": None}
    flat = flatten(value)
    assert flat == {"x": 1, "states.0": 2, "states.1.h": 3, "states.1.c": 4}
    assert nest(flat) == {"x": 1, "states": (2, {"h": 3, "c": 4})}


@pytest.mark.parametrize("text", ["h=1,c=1", "h=", "h=-1", "h=first", "=1", "h"])
def test_what_is_no_batch_axis(text: str) -> None:
    with pytest.raises(InputError, match="must be NAME=AXIS"):
        parse_batch_axes([text])


def test_a_batch_axis_without_a_name_is_that_of_all_others() -> None:
    asked = Asked(batch_axes=parse_batch_axes(["1", "x=0", "sr=none"]))
    assert [asked.batch_axis(name) for name in ("h", "x", "sr")] == [1, 0, None]
    assert Asked().batch_axis("h") == 0


@dataclass
class Answer:
    logits: int
    states: tuple[int, ...]
    loss: None = None


def test_an_answer_of_a_data_class_is_named_by_its_fields() -> None:
    assert flatten(Answer(1, (2, 3))) == {"logits": 1, "states.0": 2, "states.1": 3}


def test_names_that_collide() -> None:
    with pytest.raises(InputError, match=r"Two tensors have the path 'a\.b'"):
        flatten({"a": {"b": 1}, "a.b": 2})
    with pytest.raises(InputError, match=r"'a' is an array and 'a\.b' is inside of it"):
        nest({"a": 1, "a.b": 2})


@pytest.mark.torch
def test_any_keyword_and_an_answer_of_a_data_class(tmp_path: Path) -> None:
    """Where there is no other parameter, the data names the inputs; by the first route."""
    source = f"{HERE / 'nested_models.py'}:any_keyword"
    shapes: dict[str, Any] = {"a.b": (4,), "a_b": (4,)}
    data = write_data(tmp_path / "data.npz", samples=12, **shapes)
    ended = convert(source, data, tmp_path / "out", to=["onnx"])
    assert set(_engines(ended)) == {"same"}
    (variant,) = ended.report["variants"]
    assert variant["routes"] == [{"route": "torch-onnx-dynamo", "error": None}]
    assert set(ended.report["roles"]) == {"sum", "both.0", "both.1"}
    compared = compare_models(source, str(tmp_path / "out" / variant["entry"]), data)
    assert compared.answer == "same"


@pytest.mark.torch
def test_batch_axes_that_there_are_not(tmp_path: Path) -> None:
    shapes: dict[str, Any] = {"x": (5, 4), "states.0": (2, 8), "states.1": (2, 8)}
    data = write_data(tmp_path / "data.npz", samples=10, **shapes)

    def sentence(*axes: str) -> str:
        words = [word for axis in axes for word in ("--batch-axis", axis)]
        ended = convert(f"{TORCH}:remembering", data, tmp_path / "out", *words, to=["onnx"])
        assert ended.code == 2
        return ended.sentence

    assert sentence("1", "hidden=1").startswith(
        "--batch-axis names 'hidden', but the inputs are x, states.0, states.1 and the outputs "
        "output_0, "
    )
    assert sentence("1", "output_0=3") == (
        "--batch-axis names axis 3 of 'output_0', but of 3 axes the last is 2; use another."
    )
    assert "or where it is axis 1, say --batch-axis output_0=1" in sentence("1", "output_0=0")
    misspelt = "states.O=1", "states.1=1"
    told = "--batch-axis names 'states.O', while the inputs are x, states.0, states.1; unless that"
    assert f". {told} is an output, name one of these." in sentence(*misspelt)
    source = f"{TORCH}:remembering"
    ended = convert(source, data, tmp_path / "out", to=["onnx"])
    assert ended.code == 2 and ended.sentence.endswith(
        "the first axis, say --batch-axis states.1=1."
    )
    with pytest.raises(InputError, match=re.escape(told)):
        compare_models(source, source, data, batch_axes=misspelt)


def test_batch_axes_are_of_tensors_that_there_are() -> None:
    check_batch_axes(parse_batch_axes(["1", "h=0", "y=1"]), ["x", "h"], ["y"])
    for texts, message in (
        (["z=1"], "names 'z', but the inputs are x, h and the outputs y"),
        (["h=1", "h=0"], "names 'h' twice"),
        (["1", "none"], "names all tensors twice"),
    ):
        with pytest.raises(InputError, match=message):
            check_batch_axes(parse_batch_axes(texts), ["x", "h"], ["y"])


def test_files_have_the_sample_first_when_they_are_compared(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data.npz", samples=16, x=(4,), state=(2, 4))
    file = str(_recurrent(tmp_path / "net.onnx"))
    with pytest.raises(InputError, match="--batch-axis is for models in their framework"):
        compare_models(file, file, data, batch_axes=["state=1"])
