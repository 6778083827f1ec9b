"""TFLite files that no converter here writes, made by hand, are quantised as well."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeml.parity import snr_db
from edgeml_converters.formats.tflite_edit import write
from edgeml_converters.quantise.tflite.coverage import tflite_coverage
from edgeml_converters.quantise.tflite.places import weights
from edgeml_runtime.engines.tflite import LitertEngine
from tests.converters.quantise.made import Array, quantise_in_process, request, samples
from tests.converters.quantise.tflite_answers import ENGINES, answer

TensorType = schema.TensorType
pytestmark = [pytest.mark.tensorflow, pytest.mark.torch]


def _file(subgraphs: list[Any], codes: tuple[int, ...], constants: list[Array]) -> Any:
    model: Any = schema.ModelT()
    model.version, model.subgraphs, model.buffers = 3, subgraphs, [schema.BufferT()]
    model.operatorCodes = []
    for builtin in codes:
        code: Any = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = builtin
        model.operatorCodes.append(code)
    for values in constants:
        buffer: Any = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        model.buffers.append(buffer)
    return model


def _graph(tensors: list[Any], inputs: list[int], results: list[int], ops: list[Any]) -> Any:
    graph: Any = schema.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs, graph.operators = tensors, inputs, results, ops
    return graph


def _tensor(name: str, shape: tuple[int, ...], buffer: int = 0, variable: bool = False) -> Any:
    tensor: Any = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer = name.encode(), list(shape), buffer
    tensor.type, tensor.isVariable = TensorType.FLOAT32, variable
    return tensor


def _op(code: int, inputs: list[int], results: list[int], kind: int, options: Any) -> Any:
    op: Any = schema.OperatorT()
    op.opcodeIndex, op.inputs, op.outputs = code, inputs, results
    op.builtinOptionsType, op.builtinOptions = kind, options
    return op


def _lstm(features: int, cells: int) -> Any:
    """One UNIDIRECTIONAL_SEQUENCE_LSTM over five steps, in a file without a signature; the first
    two of its weights share their data."""
    tensors = [_tensor("x", (1, 5, features)), _tensor("y", (1, 5, cells))]
    constants: list[Array] = []
    places = [0]
    for width in (features, cells):
        for gate in range(4):
            constants.append(samples(width + gate, cells, (width,)) * np.float32(width**-0.5))
            places.append(len(tensors))
            tensors.append(_tensor(f"w{width}_{gate}", (cells, width), len(constants)))
    tensors[3].buffer = tensors[2].buffer
    places += [-1] * 3
    for gate in range(4):
        constants.append(np.zeros(cells, np.float32))
        places.append(len(tensors))
        tensors.append(_tensor(f"b{gate}", (cells,), len(constants)))
    places += [-1] * 2
    for state in ("output", "cell"):
        places.append(len(tensors))
        tensors.append(_tensor(f"{state}_state", (1, cells), variable=True))
    options: Any = schema.UnidirectionalSequenceLSTMOptionsT()
    options.fusedActivationFunction = schema.ActivationFunctionType.TANH
    kind = schema.BuiltinOptions.UnidirectionalSequenceLSTMOptions
    op = _op(0, [*places, *[-1] * 4], [1], kind, options)
    codes = (schema.BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM,)
    return _file([_graph(tensors, [0], [1], [op])], codes, constants)


def test_the_weights_of_a_whole_lstm_in_one_op_are_quantised(tmp_path: Path) -> None:
    entry = tmp_path / "float" / "lstm.tflite"
    entry.parent.mkdir()
    entry.write_bytes(write(_lstm(6, 12)))
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
    while_code, dense_code = schema.BuiltinOperator.WHILE, schema.BuiltinOperator.FULLY_CONNECTED
    options: Any = schema.WhileOptionsT()
    options.condSubgraphIndex, options.bodySubgraphIndex = 1, 2
    loop = _op(0, [0, 1], [2, 3], schema.BuiltinOptions.WhileOptions, options)
    kind = schema.BuiltinOptions.FullyConnectedOptions
    dense = _op(1, [1, 0, -1], [2], kind, schema.FullyConnectedOptionsT())
    shapes = {"w": (4, 4), "x": (1, 4), "w_after": (4, 4), "y": (1, 4)}
    main = [_tensor(name, shape, int(name == "w")) for name, shape in shapes.items()]
    body = [_tensor(f"body_{name}", shape) for name, shape in [*shapes.items()][:3]]
    body[2].shape = [1, 4]
    subgraphs = [
        _graph(main, [1], [3], [loop]),
        _graph([_tensor("cond_w", (4, 4)), _tensor("cond_x", (1, 4))], [0, 1], [], []),
        _graph(body, [0, 1], [0, 2], [dense]),
    ]
    model = _file(subgraphs, (while_code, dense_code), [np.ones((4, 4), np.float32)])
    assert [(w.subgraph, w.tensor, w.direct) for w in weights(model)] == [(0, 0, False)]
    assert tflite_coverage(model) == 0
    main[0].type = TensorType.INT8
    assert tflite_coverage(model) == 100
    subgraphs[2].outputs = [2, 2]  # the loop changes them: they are no constant any more
    assert not list(weights(model))
