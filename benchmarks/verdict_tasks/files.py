"""A net as real ONNX files, which ONNX Runtime runs in two ways that round differently."""

import logging
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edgeml.manifest import Optimisation
from edgeml_runtime.engines.onnx import OnnxEngine
from verdict_tasks.task import Answers, Array, Task

_BATCH, _DEVICE_BATCH = 200, 16


def of_files(task: Task) -> Iterator[tuple[str, Answers, Answers]]:
    """The name of each, its answers fully optimised (int8 in integers), and not optimised (int8
    computed in float between rounding steps) in smaller batches, by which the scales of dynamic
    int8 change."""
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        for file in _made(task, Path(folder)):
            optimised = _run(file, "all", task, _BATCH)
            plain = _run(file, "disabled", task, _DEVICE_BATCH)
            yield f"onnx {file.stem}", optimised, plain


def _made(task: Task, folder: Path) -> Iterator[Path]:
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization import quantize_static as quantize
    from onnxruntime.quantization.shape_inference import quant_pre_process

    names = list(dict(task.says))
    plain, ready = folder / "fp32.onnx", folder / "ready.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            task.net, (task.inputs[:2],), plain, dynamo=False, opset_version=17,
            input_names=["x"], output_names=names,
            dynamic_axes={name: {0: "batch"} for name in ("x", *names)},
        )  # fmt: skip
    yield plain
    quant_pre_process(plain, ready, skip_symbolic_shape=True)
    for by_channel in (True, False):
        reader: Any = _Reader(task.calibration.numpy())
        file = folder / f"int8 by {'channel' if by_channel else 'tensor'}.onnx"
        quantize(
            ready, file, reader, per_channel=by_channel,
            activation_type=QuantType.QInt8, weight_type=QuantType.QInt8,
        )  # fmt: skip
        yield file
    dynamic = folder / "int8-dynamic.onnx"
    quantize_dynamic(ready, dynamic, weight_type=QuantType.QInt8)
    yield dynamic


class _Reader:
    """What onnxruntime calls a CalibrationDataReader."""

    def __init__(self, inputs: Array) -> None:
        self._parts = iter(np.array_split(inputs, 8))

    def get_next(self) -> dict[str, Array] | None:
        part = next(self._parts, None)
        return None if part is None else {"x": part}


def _run(file: Path, level: Optimisation, task: Task, batch: int) -> Answers:
    engine = OnnxEngine(file, optimisation=level)
    parts = [engine.run({"x": x.numpy()}) for x in task.inputs.split(batch)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
