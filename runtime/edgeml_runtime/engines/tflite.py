"""The two interpreters of .tflite files, tflite-runtime and ai-edge-litert."""

import os
from abc import abstractmethod
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from edgeml.errors import EngineError
from edgeml.manifest import Optimisation
from edgeml.quantisation import Quantisation
from edgeml_runtime.engines.base import Engine, Signature, TensorSpec


class _Interpreter(Engine):
    """What both share; the names of tensors are those of the file's signature where it has one.

    Optimisation "all" is the library's default, which hands what it can to XNNPACK; "disabled" runs
    the built-in kernels alone.
    """

    format = "tflite"
    concurrent = False
    distribution: ClassVar[str]
    extra: ClassVar[str]

    @classmethod
    @abstractmethod
    def _library(cls) -> Any:
        """The module that holds `Interpreter`."""

    @classmethod
    def _import(cls) -> Any:
        try:
            return cls._library()
        except ImportError as error:
            raise EngineError(
                f"{cls.distribution} cannot be imported ({error}); install edgeml[{cls.extra}]."
            ) from error

    @classmethod
    def version(cls) -> str:
        cls._import()
        return installed_version(cls.distribution)

    def _load(self, path: Path, threads: int, optimisation: Optimisation) -> None:
        library = self._import()
        resolvers = library.OpResolverType
        self._interpreter = library.Interpreter(
            model_path=str(path),
            num_threads=threads,
            experimental_op_resolver_type=resolvers.AUTO
            if optimisation == "all"
            else resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        self._interpreter.allocate_tensors()
        self._in, self._out = self._tensors()
        self._shapes: dict[str, tuple[int, ...] | None] = {
            name: tuple(map(int, details["shape"])) for name, details in self._in.items()
        }

    def _tensors(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Details of inputs and outputs by name."""
        interpreter = self._interpreter
        inputs = {d["index"]: d for d in interpreter.get_input_details()}
        outputs = {d["index"]: d for d in interpreter.get_output_details()}
        signatures = interpreter.get_signature_list()
        if len(signatures) != 1:
            return {d["name"]: d for d in inputs.values()}, {d["name"]: d for d in outputs.values()}
        runner = interpreter.get_signature_runner()
        try:
            return (
                {name: inputs[d["index"]] for name, d in runner.get_input_details().items()},
                {name: outputs[d["index"]] for name, d in runner.get_output_details().items()},
            )
        except KeyError as error:
            raise ValueError(
                f"its signature names tensor {error}, which its graph neither takes nor gives"
            ) from error

    def _signature(self) -> Signature:
        def specs(details: dict[str, Any]) -> tuple[TensorSpec, ...]:
            return tuple(
                TensorSpec(
                    name,
                    np.dtype(d["dtype"]).name,
                    tuple(map(int, d["shape_signature"])),
                    _quantisation(d),
                )
                for name, d in details.items()
            )

        return Signature(specs(self._in), specs(self._out))

    def _run(self, feeds: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        interpreter = self._interpreter
        changed = {n: v.shape for n, v in feeds.items() if v.shape != self._shapes[n]}
        if changed:
            # Unknown until all is allocated: a refused request must not leave half of its shapes.
            self._shapes |= dict.fromkeys(changed)
            for name, shape in changed.items():
                interpreter.resize_tensor_input(self._in[name]["index"], shape, strict=True)
            interpreter.allocate_tensors()
            self._shapes |= changed
        for name, value in feeds.items():
            interpreter.set_tensor(self._in[name]["index"], value)
        interpreter.invoke()
        return {name: interpreter.get_tensor(d["index"]) for name, d in self._out.items()}


def _quantisation(details: Any) -> Quantisation | None:
    """What an integer tensor stands for; None where it is not quantised as a whole."""
    scale, zero_point = details["quantization"]
    if not scale or np.dtype(details["dtype"]).kind not in "iu":
        return None
    return Quantisation(scale=float(scale), zero_point=int(zero_point))


class TfliteEngine(_Interpreter):
    name = "tflite"
    distribution = "tflite-runtime"
    extra = "tflite"

    @classmethod
    def _library(cls) -> Any:
        # Built for numpy 1: under numpy 2 the import works and the interpreter fails later.
        if int(np.__version__.split(".")[0]) >= 2:
            raise EngineError(
                f"tflite-runtime does not work with numpy {np.__version__}; "
                "install 'numpy<2' or use edgeml[litert]."
            )
        from tflite_runtime import interpreter

        return interpreter


class LitertEngine(_Interpreter):
    name = "litert"
    distribution = "ai-edge-litert"
    extra = "litert"

    @classmethod
    def _library(cls) -> Any:
        # Its start-up chatter would land among the lines of a command's output.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        from ai_edge_litert import interpreter

        return interpreter
