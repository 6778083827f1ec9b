"""TFLite files that no converter here writes, made by hand, are quantised as well."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeml.errors import ConversionError
from edgeml_converters.formats.tflite_edit import read, tensor_name, write
from edgeml_converters.quantise import quantise
from edgeml_converters.quantise.tflite.coverage import tflite_coverage
from edgeml_converters.quantise.tflite.places import weights
from edgeml_runtime.engines.tflite import LitertEngine
from tests.converters.plain_figures import snr_db
from tests.converters.quantise.made import quantise_in_process, request, samples
from tests.converters.quantise.tflite_answers import ENGINES, answer
from tests.converters.tflite_files import INT8, Graph, Op, Tensor, content

pytestmark = [pytest.mark.tensorflow, pytest.mark.torch]


def _lstm(features: int, cells: int) -> bytes:
    """One UNIDIRECTIONAL_SEQUENCE_LSTM over five steps, in a file without a signature; the first
    two of its weights share their data."""
    tensors = [Tensor("x", (1, 5, features)), Tensor("y", (1, 5, cells))]
    places = [0]
    for width in (features, cells):
        for gate in range(4):
            values = samples(width + gate, cells, (width,)) * np.float32(width**-0.5)
            places.append(len(tensors))
            tensors.append(Tensor(f"w{width}_{gate}", values=values))
    places += [-1] * 3
    for gate in range(4):
        places.append(len(tensors))
        tensors.append(Tensor(f"b{gate}", values=np.zeros(cells, np.float32)))
    places += [-1] * 2
    for state in ("output", "cell"):
        places.append(len(tensors))
        tensors.append(Tensor(f"{state}_state", (1, cells), variable=True))
    options: Any = schema.UnidirectionalSequenceLSTMOptionsT()
    options.fusedActivationFunction = schema.ActivationFunctionType.TANH
    kind = schema.BuiltinOptions.UnidirectionalSequenceLSTMOptions
    inputs = (*places, *[-1] * 4)
    op = Op("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (1,), options=(kind, options))
    model = read(content(Graph(tensors, [op], outputs=(1,))))
    made = model.subgraphs[0].tensors
    made[3].buffer = made[2].buffer
    return write(model)


def test_the_weights_of_a_whole_lstm_in_one_op_are_quantised(tmp_path: Path) -> None:
    entry = tmp_path / "float" / "lstm.tflite"
    entry.parent.mkdir()
    entry.write_bytes(_lstm(6, 12))
    x = samples(7, 32, (5, 6))
    np.savez(tmp_path / "lstm.npz", x=samples(8, 32, (5, 6)))
    before = answer(LitertEngine, entry, x)
    floors = {"fp16": 60, "int8-weights": 30, "int8-dynamic": 30, "int8 minmax": 30}
    requests = [
        request(entry, tmp_path / str(number), way, tmp_path / "lstm.npz")
        for number, way in enumerate(floors)
    ]
    for asked, done, floor in zip(
        requests, quantise_in_process(requests), floors.values(), strict=True
    ):
        assert done.coverage == 100
        for engine in ENGINES:
            snr = snr_db(answer(engine, Path(asked.folder) / done.entry, x), before)
            assert snr is not None and snr > floor


def test_coverage_counts_weights_that_a_loop_carries() -> None:
    options: Any = schema.WhileOptionsT()
    options.condSubgraphIndex, options.bodySubgraphIndex = 1, 2
    loop = Op("WHILE", (0, 1), (2, 3), options=(schema.BuiltinOptions.WhileOptions, options))
    kind = schema.BuiltinOptions.FullyConnectedOptions
    dense = Op("FULLY_CONNECTED", (1, 0, -1), (2,), options=(kind, schema.FullyConnectedOptionsT()))
    constant = Tensor("w", values=np.ones((4, 4), np.float32))
    main = [constant, Tensor("x"), Tensor("w_after", (4, 4)), Tensor("y")]
    body = [Tensor("body_w", (4, 4)), Tensor("body_x"), Tensor("body_w_after")]
    condition = [Tensor("cond_w", (4, 4)), Tensor("cond_x")]
    graphs = [
        Graph(main, [loop], (1,), (3,)),
        Graph(condition, [], (0, 1)),
        Graph(body, [dense], (0, 1), (0, 2)),
    ]
    model = read(content(*graphs))
    assert [(w.subgraph, w.tensor, w.direct) for w in weights(model)] == [(0, 0, False)]
    assert tflite_coverage(model) == 0
    model.subgraphs[0].tensors[0].type = INT8
    assert tflite_coverage(model) == 100
    model.subgraphs[2].outputs = [2, 2]  # the loop changes them: they are no constant any more
    assert not list(weights(model))


def _answer_that_is_taken_too() -> bytes:
    """y = w x and z = y + y, both answers, and a signature that names the other first."""
    kind = schema.BuiltinOptions.FullyConnectedOptions
    full: Any = schema.FullyConnectedOptionsT()
    weights = samples(1, 4, (4,))
    tensors = [Tensor("x"), Tensor("w", values=weights), Tensor("y"), Tensor("z")]
    dense = Op("FULLY_CONNECTED", (0, 1, -1), (2,), options=(kind, full))
    add: Any = schema.AddOptionsT()
    added = Op("ADD", (2, 2), (3,), options=(schema.BuiltinOptions.AddOptions, add))
    model = read(content(Graph(tensors, [dense, added], outputs=(2, 3))))
    signature: Any = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = "serving_default", 0
    signature.inputs, signature.outputs = [], []
    for maps, name, index in (
        (signature.inputs, "x", 0), (signature.outputs, "twice", 3), (signature.outputs, "once", 2)
    ):  # fmt: skip
        named: Any = schema.TensorMapT()
        named.name, named.tensorIndex = name, index
        maps.append(named)
    model.signatureDefs = [signature]
    return write(model)


@pytest.mark.parametrize("kept", [(), ("y",), ("z",)])
def test_an_answer_that_an_operator_takes_too_keeps_its_name_and_its_dtype(
    tmp_path: Path, kept: tuple[str, ...]
) -> None:
    entry = tmp_path / "float.tflite"
    entry.write_bytes(_answer_that_is_taken_too())
    x = samples(7, 32, (4,))
    np.savez(tmp_path / "x.npz", x=samples(8, 64, (4,)))
    way = "int8 minmax"
    asked = request(entry, tmp_path / "made", way, tmp_path / "x.npz", keep_float=kept)
    (done,) = quantise_in_process([msgspec.structs.replace(asked, nothing_is_fine=True)])
    before = LitertEngine(entry).run({"x": x})
    for engine in ENGINES:
        found = engine(Path(asked.folder) / done.entry).run({"x": x})
        for name, answers in before.items():
            assert found[name].dtype == np.float32
            np.testing.assert_allclose(found[name], answers, atol=0.04 * np.ptp(answers))


def test_a_constant_beside_an_activation_is_int8_by_its_range(tmp_path: Path) -> None:
    """The class token of a vision transformer stands before the patches."""
    entry = tmp_path / "float" / "token.tflite"
    entry.parent.mkdir()
    joined: Any = schema.ConcatenationOptionsT()
    joined.axis = 1
    tensors = [
        Tensor("x", (1, 4, 8)),
        Tensor("token", values=samples(1, 1, (1, 8))),
        Tensor("w", values=samples(2, 6, (8,))),
        Tensor("h", (1, 5, 8)),
        Tensor("y", (1, 5, 6)),
    ]
    dense: Any = schema.FullyConnectedOptionsT()
    dense.keepNumDims = True
    ops = [
        Op(
            "CONCATENATION",
            (1, 0),
            (3,),
            options=(schema.BuiltinOptions.ConcatenationOptions, joined),
        ),
        Op(
            "FULLY_CONNECTED",
            (3, 2, -1),
            (4,),
            options=(schema.BuiltinOptions.FullyConnectedOptions, dense),
        ),
    ]
    entry.write_bytes(content(Graph(tensors, ops, outputs=(4,))))
    np.savez(tmp_path / "x.npz", x=samples(3, 32, (4, 8)))
    asked = request(entry, tmp_path / "int8", "int8 minmax", tmp_path / "x.npz")
    (done,) = quantise_in_process([asked])
    file = Path(asked.folder) / done.entry
    model = read(file.read_bytes())
    types = {tensor_name(t): t.type for t in model.subgraphs[0].tensors}
    assert types["token"] == types["h"] == INT8
    x = samples(4, 32, (4, 8))
    for engine in ENGINES:
        snr = snr_db(answer(engine, file, x), answer(engine, entry, x))
        assert snr is not None and snr > 30


def test_biases_of_two_axes_and_tensors_of_one_name_are_int8_like_others(tmp_path: Path) -> None:
    entry = tmp_path / "float" / "dense.tflite"
    entry.parent.mkdir()
    kind = schema.BuiltinOptions.FullyConnectedOptions
    tensors = [
        Tensor("x", (1, 16)),
        *(Tensor("w", values=samples(n, 16 if n < 2 else 1, (16,))) for n in range(3)),
        *(Tensor("b", values=samples(n, 1, (16 if n < 2 else 1,))) for n in range(3)),
        *(Tensor("h", (1, 16)) for _ in range(2)),
        Tensor("y", (1, 1)),
    ]
    options = (kind, schema.FullyConnectedOptionsT())
    ops = [
        Op("FULLY_CONNECTED", (taken, 1 + n, 4 + n), (7 + n,), options=options)
        for n, taken in enumerate((0, 7, 8))
    ]
    entry.write_bytes(content(Graph(tensors, ops, outputs=(9,))))
    np.savez(tmp_path / "x.npz", x=samples(5, 64, (16,)))
    asked = [
        request(entry, tmp_path / "int8", "int8 minmax", tmp_path / "x.npz"),
        request(entry, tmp_path / "kept", "int8 minmax", tmp_path / "x.npz", keep_float=("h",)),
    ]
    done, kept = quantise_in_process(asked)
    assert done.coverage == 100
    assert kept.coverage == pytest.approx(100 * 16 / (256 + 256 + 16))
    x = samples(6, 64, (16,))
    for engine in ENGINES:
        before = answer(engine, entry, x)
        snr = snr_db(answer(engine, Path(asked[0].folder) / done.entry, x), before)
        assert snr is not None and snr > 30
        assert engine(Path(asked[0].folder) / done.entry).signature == engine(entry).signature


@pytest.mark.parametrize("joined", ["ADD", "CONCATENATION"])
def test_what_is_answered_and_used_inside_is_right_in_both_places(
    tmp_path: Path, joined: str
) -> None:
    """As the state of a cell is: a sum takes it in int8, joining in steps of its own."""
    entry = tmp_path / "float" / "state.tflite"
    entry.parent.mkdir()
    full = (schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT())
    options: Any = getattr(schema, "AddOptionsT" if joined == "ADD" else "ConcatenationOptionsT")()
    options.axis = 1
    kind = getattr(schema.BuiltinOptions, f"{joined[0]}{joined[1:].lower()}Options")
    width = 16 if joined == "ADD" else 32
    tensors = [
        Tensor("x", (1, 16)),
        Tensor("w", values=samples(1, 16, (16,))),
        *(Tensor(name, (1, width if name == "y" else 16)) for name in ("state", "gate", "y")),
    ]
    ops = [
        Op("FULLY_CONNECTED", (0, 1, -1), (2,), options=full),
        Op("LOGISTIC", (2,), (3,)),
        Op(joined, (2, 3), (4,), options=(kind, options)),
    ]
    entry.write_bytes(content(Graph(tensors, ops, outputs=(3, 4, 2))))
    np.savez(tmp_path / "x.npz", x=samples(5, 64, (16,)))
    asked = request(entry, tmp_path / "int8", "int8 minmax", tmp_path / "x.npz")
    (done,) = quantise_in_process([asked])
    file = Path(asked.folder) / done.entry
    for engine in ENGINES:
        assert engine(file).signature == engine(entry).signature
        for row in samples(6, 8, (1, 16)):
            before, after = engine(entry).run({"x": row}), engine(file).run({"x": row})
            assert before.keys() == after.keys() == {"gate", "y", "state"}
            for name, value in before.items():
                snr = snr_db(after[name].astype(np.float64), value.astype(np.float64))
                assert snr is not None and snr > 25


def test_a_softmax_of_many_values_stays_float(tmp_path: Path) -> None:
    """In int8, in steps of 1/256, all 400 were zero."""
    entry = tmp_path / "float" / "softmax.tflite"
    entry.parent.mkdir()
    full = (schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT())
    softmax: Any = schema.SoftmaxOptionsT()
    softmax.beta = 1.0
    tensors = [
        Tensor("x", (1, 16)),
        Tensor("w", values=samples(1, 400, (16,)) * np.float32(0.1)),
        *(Tensor(name, (1, 400)) for name in "hy"),
    ]
    ops = [
        Op("FULLY_CONNECTED", (0, 1, -1), (2,), options=full),
        Op("SOFTMAX", (2,), (3,), options=(schema.BuiltinOptions.SoftmaxOptions, softmax)),
    ]
    entry.write_bytes(content(Graph(tensors, ops, outputs=(3,))))
    np.savez(tmp_path / "x.npz", x=samples(5, 64, (16,)))
    asked = request(entry, tmp_path / "int8", "int8 minmax", tmp_path / "x.npz")
    (done,) = quantise_in_process([asked])
    x = samples(6, 32, (16,))
    snr = snr_db(
        answer(LitertEngine, tmp_path / "int8" / done.entry, x), answer(LitertEngine, entry, x)
    )
    assert snr is not None and snr > 30
    assert done.coverage == 100


def test_a_file_of_whole_numbers_has_nothing_to_quantise(tmp_path: Path) -> None:
    add: Any = schema.AddOptionsT()
    whole = schema.TensorType.INT32
    tensors = [Tensor("x", type=whole), Tensor("y", type=whole)]
    added = Op("ADD", (0, 0), (1,), options=(schema.BuiltinOptions.AddOptions, add))
    entry = tmp_path / "whole.tflite"
    entry.write_bytes(content(Graph(tensors, [added], outputs=(1,))))
    np.savez(tmp_path / "x.npz", x=np.arange(16, dtype=np.int32).reshape(4, 4))
    with pytest.raises(ConversionError, match=r"Nothing in whole\.tflite could be made int8"):
        quantise(request(entry, tmp_path / "made", "int8 minmax", tmp_path / "x.npz"))
