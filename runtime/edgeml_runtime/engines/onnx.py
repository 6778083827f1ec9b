"""ONNX Runtime behind the engine class."""

import re
from pathlib import Path
from typing import Any

import numpy.typing as npt

from edgeml.errors import EngineError
from edgeml.manifest import Optimisation
from edgeml_runtime.engines.base import Engine, Signature, TensorSpec

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(int16)": "int16",
    "tensor(uint16)": "uint16",
    "tensor(int32)": "int32",
    "tensor(uint32)": "uint32",
    "tensor(int64)": "int64",
    "tensor(uint64)": "uint64",
    "tensor(bool)": "bool",
}
_LACKING = re.compile(
    r"NOT_IMPLEMENTED : (?:Could not find an implementation|Failed to find kernel) for "
    r"(?P<kind>\w+\(\d+\)) (?:node with name |\(node:)'(?P<node>[^']*)'"
)
PREPARED = "prepared.onnx"
_PREPARED_WEIGHTS = "prepared.bin"
_EXTERNAL_FROM_BYTES = "4096"  # smaller initialisers stay in the graph


def _library() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineError(
            f"onnxruntime cannot be imported ({error}); install edgeml[onnx]."
        ) from error
    return onnxruntime


def _options(ort: Any, threads: int, optimisation: Optimisation) -> Any:
    options = ort.SessionOptions()
    level = {
        "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
        "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
        "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
        "disabled": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    }
    options.graph_optimization_level = level[optimisation]
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Spinning threads burn the core that the rest of the device needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options


class OnnxEngine(Engine):
    name = "onnxruntime"
    format = "onnx"
    optimisations = ("all", "extended", "basic", "disabled")

    @classmethod
    def version(cls) -> str:
        return str(_library().__version__)

    @classmethod
    def refusal(cls, path: Path, error: Exception) -> EngineError:
        lacking = _LACKING.search(str(error))
        if lacking is None:
            return super().refusal(path, error)
        where = f" at {lacking['node']!r}" if lacking["node"] else ""
        return EngineError(
            f"{cls.name} {cls.version()} refused {path.name}: it has no kernel of "
            f"{lacking['kind']} for the dtypes{where}; let the model compute there in float32, in "
            "an opset from 7 on."
        )

    @classmethod
    def prepare(cls, entry: Path, into: Path, optimisation: Optimisation = "all") -> Path:
        """The graph optimised for this CPU, its weights in a file that a load maps, not copies.

        Fully optimised graphs hold for the hardware that made them: keep them on the device.
        """
        ort = _library()
        into.mkdir(parents=True, exist_ok=True)
        target = into / PREPARED
        options = _options(ort, 1, optimisation)
        options.optimized_model_filepath = str(target)
        for key, value in (
            ("session.optimized_model_external_initializers_file_name", _PREPARED_WEIGHTS),
            (
                "session.optimized_model_external_initializers_min_size_in_bytes",
                _EXTERNAL_FROM_BYTES,
            ),
        ):
            options.add_session_config_entry(key, value)
        try:
            ort.InferenceSession(str(entry), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise cls.refusal(entry, error) from error
        return target

    def _load(self, path: Path, threads: int, optimisation: Optimisation) -> None:
        ort = _library()
        options = _options(ort, threads, "disabled" if path.name == PREPARED else optimisation)
        # The arena stays on: it goes with its session, and without it each call takes its buffers
        # from malloc anew, which costs more memory and page faults: docs/decisions/0002.
        self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._output_names = [o.name for o in self._session.get_outputs()]

    def _signature(self) -> Signature:
        def specs(tensors: Any) -> tuple[TensorSpec, ...]:
            return tuple(
                TensorSpec(
                    t.name,
                    _DTYPES.get(str(t.type), str(t.type)),
                    tuple(d if isinstance(d, int) else -1 for d in t.shape),
                )
                for t in tensors
            )

        return Signature(specs(self._session.get_inputs()), specs(self._session.get_outputs()))

    def _run(self, feeds: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        found = self._session.run(None, feeds)
        # Copies: an array of ONNX Runtime's own keeps its session's whole arena alive, and whoever
        # keeps one answer would keep the memory of a model that was replaced long ago.
        return {name: array.copy() for name, array in zip(self._output_names, found, strict=True)}
