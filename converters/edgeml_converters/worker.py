"""The worker process: reads requests from its stdin and answers each on what was its stdout.

Everything that a framework prints goes to stderr, which the parent sends to a log file.
"""

import ctypes
import json
import os
import re
import resource
import signal
import sys
from pathlib import Path

from edgeml.errors import EdgemlError, EngineError
from edgeml_converters.bisect.messages import Trace, Traced
from edgeml_converters.extras import EXTRAS
from edgeml_converters.formats.npz import load, save
from edgeml_converters.formats.tensors import FileTensor
from edgeml_converters.steps import messages
from edgeml_converters.steps.messages import (
    Convert,
    Converted,
    Done,
    Failed,
    Load,
    Loaded,
    Open,
    Opened,
    Predict,
    Quantise,
    Reply,
    Request,
    Run,
)

_PR_SET_PDEATHSIG = 1


class EngineMissing(EngineError):
    """The engine's library is not installed here."""


class Session:
    """What one worker holds: a framework's model, or an engine with a converted one."""

    def __init__(self) -> None:
        from edgeml_converters.frameworks.base import Model
        from edgeml_runtime.engines.base import Engine

        self._model: Model | None = None
        self._engine: Engine | None = None

    def answer(self, request: Request) -> Reply:
        match request:
            case Load():
                return self._load(request)
            case Predict():
                return self._predict(request)
            case Convert():
                return self._convert(request)
            case Quantise():
                from edgeml_converters.quantise import quantise

                return quantise(request)
            case Trace():
                return _trace(request)
            case Open():
                return self._open(request)
            case Run():
                return self._run(request)

    def _load(self, request: Load) -> Loaded:
        from edgeml_converters.frameworks.loading import load_model

        model = self._model = load_model(request.source, request.layout)
        if model.samples is not None and request.samples is not None:
            save(Path(request.samples), model.samples)
        return Loaded(
            framework=model.framework,
            form=model.form,
            inputs=model.inputs,
            batch=model.batch,
            samples=model.samples is not None,
        )

    def _predict(self, request: Predict) -> Done:
        assert self._model is not None
        save(Path(request.into), self._model.predict(load(Path(request.inputs))))
        return Done()

    def _convert(self, request: Convert) -> Converted:
        from edgeml_converters.routes.table import ROUTES

        assert self._model is not None
        return ROUTES[request.route].function()(
            self._model, load(Path(request.inputs)), request.outputs, Path(request.folder)
        )

    def _open(self, request: Open) -> Opened:
        from edgeml_runtime.engines import registry
        from edgeml_runtime.engines.base import TensorSpec

        kind = registry.engine_class(request.engine)
        try:
            kind.version()
        except EngineError as error:
            raise EngineMissing(str(error)) from error
        self._engine = None  # two sessions of one large model need not fit
        engine = self._engine = kind(Path(request.entry), optimisation=request.optimisation)

        def tensors(specs: tuple[TensorSpec, ...]) -> tuple[FileTensor, ...]:
            return tuple(FileTensor(name=s.name, dtype=s.dtype, shape=s.shape) for s in specs)

        return Opened(
            version=engine.version(),
            inputs=tensors(engine.signature.inputs),
            outputs=tensors(engine.signature.outputs),
        )

    def _run(self, request: Run) -> Done:
        from edgeml_converters.frameworks.base import in_chunks

        assert self._engine is not None
        arrays = load(Path(request.inputs))
        feeds = {theirs: arrays[name] for name, theirs in request.names.items()}
        save(Path(request.into), in_chunks(self._engine.run, feeds))
        return Done()


def _trace(request: Trace) -> Traced:
    from edgeml_converters.bisect.trace import trace

    sources = {} if request.sources is None else json.loads(Path(request.sources).read_bytes())
    return Traced(
        tensors=trace(
            request.format,
            Path(request.suspect),
            Path(request.reference),
            load(Path(request.inputs)),
            sources,
            request.engine,
        )
    )


def _failed(error: Exception) -> Failed:
    said = re.sub(r"\x1b\[[0-9;]*m", "", str(error))  # exporters write in colours
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    missing = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    package = missing.partition(".")[0]
    return Failed(
        kind=type(error).__name__,
        message=lines[0] if lines else "it gave no reason",
        missing=package if package in EXTRAS else None,
    )


def main() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # a worker ends with its parent
    memory_bytes = int(sys.argv[1])
    if memory_bytes:  # private memory, and not address space, of which a framework reserves a lot
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    session = Session()
    for line in requests:
        reply: Reply
        try:
            reply = session.answer(messages.decode_request(line))
        except EdgemlError as error:
            reply = Failed(kind=type(error).__name__, message=str(error))
        except Exception as error:
            import traceback

            traceback.print_exc()
            reply = _failed(error)
        sys.stdout.flush()  # before the answer: whoever has it may end this process
        replies.write(messages.encode(reply) + b"\n")


if __name__ == "__main__":
    main()
