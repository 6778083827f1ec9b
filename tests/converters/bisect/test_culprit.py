"""Which tensor is to blame, and what is tried then: pure functions."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edgeml.evidence import TensorFidelity
from edgeml.faults import Fault, Finding
from edgeml.manifest import Precision
from edgeml_converters.bisect.around import Around, around
from edgeml_converters.bisect.culprit import MARGIN_DB, culprit
from edgeml_converters.bisect.repairs import Damage, Repair, repairs
from edgeml_converters.formats.ops import ops_of
from tests import onnx_models
from tests.converters.tflite_files import dynamic_layer, write

Decibels = list[float | None]


def tensors(figures: Decibels) -> list[TensorFidelity]:
    return [
        TensorFidelity(name=f"t{i}", op="Conv", source=f"layer{i}", snr_db=figure)
        for i, figure in enumerate(figures)
    ]


def guilty(figures: Decibels, floor_db: float = 20.0) -> str | None:
    found = culprit(tensors(figures), floor_db)
    return found and found.name


@pytest.mark.parametrize(
    ("figures", "name"),
    [
        ([], None),
        ([None, None], None),
        ([None, 45.0, 40.0, 38.0], None),
        ([None, 45.0, 3.0, 2.0], "t2"),  # what follows inherits it
        ([None, 3.0], "t1"),
        ([5.0, 3.0], "t0"),
        ([40.0, 8.0, 40.0, 1.0], "t1"),  # the first one, though a later one is worse
        ([40.0, 25.0, 21.0, 18.0, 15.0, 12.0], None),  # it grows slowly: no one op is to blame
        ([40.0, 21.0, 14.0], "t2"),
        ([40.0, -200.0], "t1"),
    ],
)
def test_the_first_tensor_that_drops(figures: Decibels, name: str | None) -> None:
    assert guilty(figures) == name


@given(st.lists(st.none() | st.floats(-50, 150), max_size=12), st.floats(0, 60))
def test_what_drops_is_below_the_floor_and_all_before_it(
    figures: Decibels, floor_db: float
) -> None:
    found = culprit(tensors(figures), floor_db)
    if found is None:
        return
    assert found.snr_db is not None
    assert found.snr_db < floor_db
    before = figures[: int(found.name[1:])]
    assert all(figure is None or found.snr_db < figure - MARGIN_DB for figure in before)


BAD = tensors([3.0])[0]
WRONG = Finding(fault=Fault.PER_CHANNEL_DYNAMIC_FC, severity="error", message="")
KEPT = Around(maker="node", givers=("before",), takers=("next", "before"))


def test_a_layer_that_an_engine_computes_wrongly_gets_one_scale_first() -> None:
    found = repairs(Damage("tflite", "int8-dynamic", BAD, [WRONG], per_channel=True))
    assert found == (
        Repair("one scale a tensor for the weights", per_channel=False),
        Repair("keep Conv of layer0 in float", keep_float=("t0",)),
    )
    # With one scale already, more scales would bring the fault back.
    assert repairs(Damage("tflite", "int8-dynamic", None, [WRONG], per_channel=False)) == ()


def test_what_an_engine_does_not_know_in_int8_stays_float_first() -> None:
    new = [
        Finding(fault=Fault.OP_VERSION, severity="error", message="", where=where)
        for where in ("a", "b")
    ]
    first, *_ = repairs(Damage("tflite", "int8", BAD, new, per_channel=True))
    assert first == Repair(
        "keep 2 operators in float that an engine does not know in it", ("a", "b")
    )
    assert not repairs(Damage("onnx", "int8", None, new, per_channel=True))


def test_static_int8_keeps_the_op_then_its_neighbours() -> None:
    found = repairs(Damage("onnx", "int8", BAD, [], per_channel=False, around=KEPT))
    assert found == (
        Repair("keep Conv of layer0 in float", ("node",)),
        Repair("keep Conv of layer0 and what gives to it in float", ("node", "before")),
        Repair("keep Conv of layer0 and its neighbours in float", ("node", "before", "next")),
        Repair("one scale a channel for the weights", per_channel=True),
    )


@pytest.mark.parametrize("precision", ["fp16", "int8-dynamic", "int8-weights"])
def test_neighbours_matter_where_activations_are_quantised_only(precision: Precision) -> None:
    found = repairs(Damage("onnx", precision, BAD, [], per_channel=True, around=KEPT))
    assert found == (Repair("keep Conv of layer0 in float", ("node",)),)


def test_nothing_is_tried_without_a_name_or_for_the_float_file() -> None:
    assert repairs(Damage("onnx", "int8", BAD, [], per_channel=True)) == ()
    assert repairs(Damage("onnx", "int8", None, [], per_channel=True)) == ()
    assert repairs(Damage("onnx", "fp32", BAD, [WRONG], per_channel=True, around=KEPT)) == ()


def test_an_input_of_the_model_keeps_what_takes_it_in_float() -> None:
    given_input = Around(maker="", takers=("first",))
    (found,) = repairs(Damage("onnx", "int8", BAD, [], per_channel=True, around=given_input))
    assert found.keep_float == ("first",)


def test_the_ops_around_a_tensor(tmp_path: Path) -> None:
    path = onnx_models.roomy(tmp_path / "model.onnx", 2)
    model = onnx.load(path)
    for node in model.graph.node:
        node.name = f"the {node.op_type}"
    onnx.save(model, path)
    assert around("onnx", path, "waves") == Around("the Sin", ("the Tile",), ("the ReduceSum",))
    assert around("onnx", path, "x") == Around("", (), ("the Tile",))
    layer = write(tmp_path / "model.tflite", dynamic_layer([0.1]))
    assert around("tflite", layer, "y") == Around("y")
    assert around("tflite", layer, "x") == Around("", (), ("y",))


def test_weights_are_seen_wherever_an_exporter_puts_them(tmp_path: Path) -> None:
    """Paddle's exporter makes nodes of them; a bias has one axis and is none."""
    weights = numpy_helper.from_array(np.eye(4, dtype=np.float32), "w")
    nodes = [
        helper.make_node("Constant", [], ["w of a node"], value=weights),
        helper.make_node("Constant", [], ["b"], value_floats=[1.0, 2.0, 3.0, 4.0]),
        helper.make_node("MatMul", ["x", "w of a node"], ["m"], name="of a node"),
        helper.make_node("Add", ["m", "b"], ["a"], name="of a bias"),
        helper.make_node("MatMul", ["a", "w"], ["y"], name="of the list"),
    ]
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", 4]) for n in "xy"]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], [weights])
    onnx.save(helper.make_model(graph), tmp_path / "net.onnx")
    found = {op.name: op.weights for op in ops_of("onnx", tmp_path / "net.onnx")}
    assert found == {"of a node": 16, "of a bias": 0, "of the list": 16}
