"""Every precision of TFLite on models of Keras and PyTorch, in both interpreters."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeml_converters.formats.layers import TFLITE_WEIGHTS
from edgeml_converters.formats.tflite_edit import op_name, read, tensor_name
from edgeml_converters.quantise.calibrators import CALIBRATORS
from edgeml_converters.quantise.coverage import coverage
from edgeml_converters.steps.messages import Quantise
from edgeml_runtime.engines.tflite import LitertEngine
from tests.converters.plain_figures import snr_db
from tests.converters.quantise.float_tflite import KERAS, TORCH, WORDS, write_tflite
from tests.converters.quantise.made import (
    Array,
    Made,
    quantise_all,
    quantise_in_process,
    request,
    samples,
)
from tests.converters.quantise.tflite_answers import ENGINES, answer

TensorType = schema.TensorType
pytestmark = [pytest.mark.tensorflow, pytest.mark.torch]
SHAPES = {**KERAS, **TORCH}
# dB over 64 samples that calibration did not see; the worst that was measured is 2 dB above.
FLOORS: Mapping[str, float] = {
    "fp16": 65,
    "int8-weights": 38,
    "int8-dynamic": 37,
    "int8-dynamic tensor-wise": 33,
    "int8 minmax": 19,
    "int8 percentile": 19,
    "int8 error": 19,
    "int8 moving-average": 6,
}
WAYS = tuple(FLOORS)


def draw(name: str, seed: int) -> Array:
    if name == "embedding":
        return np.random.default_rng(seed).integers(0, WORDS, (64, *SHAPES[name]), np.int32)
    return samples(seed, 64, SHAPES[name])


def ask(entry: Path, folder: Path, way: str, keep_float: tuple[str, ...] = ()) -> Quantise:
    data = entry.parents[1] / f"{entry.parent.name}.npz"
    return request(entry, folder, way, data, keep_float=keep_float)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Made]:
    folder = tmp_path_factory.mktemp("tflite")
    with ThreadPoolExecutor() as both:  # each waits for a process of its own
        list(both.map(write_tflite, ("keras", "torch"), (folder, folder)))
    entries = {name: folder / name / "model.tflite" for name in SHAPES}
    return quantise_all(folder, entries, WAYS, draw, partial(answer, LitertEngine), seed=201)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SHAPES)
def test_it_says_nearly_the_same_with_all_weights_quantised(
    made: Mapping[str, Made], name: str, way: str
) -> None:
    model = made[name]
    file, done = model.ways[way]
    for engine in ENGINES:
        assert engine(file).signature == engine(model.entry).signature
        # tflite-runtime 2.14 takes dynamic weights with a scale a channel, and answers nonsense.
        if way != "int8-dynamic" or engine is LitertEngine:
            snr = snr_db(answer(engine, file, model.x), model.y)
            assert snr is not None and snr > FLOORS[way]
    assert done.coverage == coverage("tflite", file) == 100


def test_every_calibrator_is_tried() -> None:
    assert {way.partition(" ")[2] for way in WAYS} - {"", "tensor-wise"} == set(
        CALIBRATORS["tflite"]
    )


def test_static_int8_does_not_stop_at_loops_and_elu_and_says_which_ranges_it_found(
    made: Mapping[str, Made],
) -> None:
    ranges = made["torch-elu"].ways["int8 minmax"][1].ranges
    x = np.load(made["torch-elu"].entry.parents[1] / "torch-elu.npz")["x"]
    given = next(ends for name, ends in ranges.items() if name.endswith("_x"))
    assert given == pytest.approx((x.min(), x.max()))
    # exp(x) is the branch that ELU does not take: in int8 it would leave no steps for the rest.
    assert max(high for _, high in ranges.values()) > 100
    file, done = made["gru"].ways["int8 minmax"]
    loops = read(file.read_bytes())
    # The answer of a loop has no memory of its own: what is read there is anything.
    assert not [name for name in done.ranges if "while" in name]
    names = [{op_name(loops, op) for op in graph.operators} for graph in loops.subgraphs]
    assert "WHILE" in names[0] and "QUANTIZE" in names[0]
    assert all("QUANTIZE" not in inside for inside in names[1:])
    assert any("DEQUANTIZE" in inside for inside in names[1:])


def test_an_embedding_stays_int8_until_its_rows_are_taken(made: Mapping[str, Made]) -> None:
    model = read(made["embedding"].ways["int8-weights"][0].read_bytes())
    (graph,) = model.subgraphs
    (gather,) = (op for op in graph.operators if op_name(model, op) == "GATHER")
    assert {graph.tensors[i].type for i in (gather.inputs[0], *gather.outputs)} == {TensorType.INT8}
    assert model.operatorCodes[gather.opcodeIndex].version == 2


def test_an_op_that_is_kept_in_float_is_as_it_was(made: Mapping[str, Made], tmp_path: Path) -> None:
    entry = made["cnn"].entry
    model = read(entry.read_bytes())
    graph = model.subgraphs[0]
    layers = [op for op in graph.operators if op_name(model, op) in TFLITE_WEIGHTS]
    kept = tensor_name(graph.tensors[layers[0].outputs[0]])
    weights = [graph.tensors[op.inputs[1]] for op in layers]
    share = prod(weights[0].shape) / sum(prod(weight.shape) for weight in weights)
    requests = [ask(entry, tmp_path / str(n), way, (kept,)) for n, way in enumerate(WAYS)]
    for asked, done, way in zip(requests, quantise_in_process(requests), WAYS, strict=True):
        file = Path(asked.folder) / done.entry
        quantised = read(file.read_bytes())
        (after,) = (t for t in quantised.subgraphs[0].tensors if t.name == weights[0].name)
        assert after.type == TensorType.FLOAT32
        assert _data(quantised, after) == _data(model, weights[0])
        assert done.coverage == pytest.approx(100 * (1 - share))
        snr = snr_db(answer(LitertEngine, file, made["cnn"].x), made["cnn"].y)
        assert snr is not None and snr > FLOORS[way]


def _data(model: Any, tensor: Any) -> bytes:
    return bytes(bytearray(model.buffers[tensor.buffer].data))


def test_two_processes_write_the_same_bytes(made: Mapping[str, Made], tmp_path: Path) -> None:
    requests: list[Quantise] = []
    before: list[bytes] = []
    for name in ("cnn", "gru", "embedding"):
        for way in ("fp16", "int8-weights", "int8-dynamic", "int8 minmax", "int8 error"):
            entry = made[name].entry
            place = tmp_path / name / way.replace(" ", "-")
            requests.append(ask(entry, place, way))
            before.append(made[name].ways[way][0].read_bytes())
    answers = quantise_in_process(requests, hash_seed=7)
    for asked, done, content in zip(requests, answers, before, strict=True):
        assert (Path(asked.folder) / done.entry).read_bytes() == content
    assert [done.ranges for done in answers][3] == made["cnn"].ways["int8 minmax"][1].ranges
