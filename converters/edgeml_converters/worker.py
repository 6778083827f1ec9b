"""The door of a worker process: it hands each request to the code that answers it.

It alone loads frameworks and engines: `python -m edgeml_converters.worker MEMORY_BYTES`.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edgeml.errors import EdgemlError, EngineError, InputError, said
from edgeml.manifest import Precision
from edgeml.parent import end_with
from edgeml_converters.asked import Asked
from edgeml_converters.formats.npz import MAPPED_BYTES, load, save
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.steps.messages import (
    Anatomy,
    Close,
    Convert,
    Converted,
    Done,
    Gather,
    Load,
    Loaded,
    Open,
    Opened,
    Predict,
    Quantise,
    Reply,
    Request,
    Run,
    TakeApart,
    Time,
    Trace,
    Traced,
)
from edgeml_converters.steps.serving import EngineMissing, serve

if TYPE_CHECKING:
    from edgeml_converters.formats.edges import RealEngine
    from edgeml_converters.frameworks.base import Model

_NEAR_BYTES = 1 << 21  # of inputs; of all that a net makes of them it is many times as much


class Session:
    """What one worker holds: a framework's model, or an engine with a converted one."""

    def __init__(self) -> None:
        self._model: Model | None = None
        self._engine: RealEngine | None = None

    def answer(self, request: Request) -> Reply:
        match request:
            case Load():
                return self._load(request)
            case Gather():
                return _gather(request)
            case Predict():
                return self._predict(request)
            case Convert():
                return self._convert(request)
            case Quantise():
                from edgeml_converters.quantise import quantise

                return quantise(request)
            case Trace():
                return _trace(request)
            case Time():
                from edgeml_converters.profile.timing import time_calls

                return time_calls(request)
            case TakeApart():
                return _take_apart(request)
            case Open():
                return self._open(request)
            case Run():
                return self._run(request)
            case Close():
                self._engine = None
                return Done()

    def _load(self, request: Load) -> Loaded:
        from edgeml_converters.frameworks.loading import load_model

        model = self._model = load_model(
            request.source,
            request.layout,
            request.asked,
            request.keys,
            None if request.samples is None else Path(request.samples).parent,
        )
        model.asked = request.asked
        precision = _precision(model)
        # Of int8-dynamic in ONNX one scale is of a whole batch.
        if request.asked.static or precision == "int8-dynamic":
            model.batch = 1
        if model.samples is not None and request.samples is not None:
            save(Path(request.samples), model.samples)
        return Loaded(
            framework=model.framework,
            form=model.form,
            inputs=model.inputs,
            batch=model.batch,
            samples=model.samples is not None,
            floats=model.floats,
            assumed=model.assumed,
            precision=precision,
        )

    def _predict(self, request: Predict) -> Done:
        assert self._model is not None
        save(
            Path(request.into),
            self._model.predict(load(Path(request.inputs), MAPPED_BYTES), request.feedback),
        )
        return Done()

    def _convert(self, request: Convert) -> Converted:
        from edgeml_converters.routes.route import checked
        from edgeml_converters.routes.table import routes

        model, arrays = self._model, load(Path(request.inputs))
        assert model is not None
        route, folder = routes()[request.route], Path(request.folder)
        converted = checked(route.function()(model, arrays, request.outputs, folder), folder)
        if route.format == "onnx":
            _as_asked(folder / converted.entry, model.asked, arrays)
        return converted

    def _open(self, request: Open) -> Opened:
        from edgeml_converters.formats.edges import RealEngine
        from edgeml_runtime.engines import registry

        kind = registry.engine_class(request.engine)
        try:
            kind.version()
        except EngineError as error:
            raise EngineMissing(str(error)) from error
        self._engine = None  # two sessions of one large model need not fit
        entry = Path(request.entry)
        engine = RealEngine(kind(entry, optimisation=request.optimisation), entry)
        self._engine = engine
        return Opened(version=kind.version(), inputs=engine.inputs, outputs=engine.outputs)

    def _run(self, request: Run) -> Done:
        from edgeml_converters.frameworks.base import in_chunks, in_steps

        assert self._engine is not None
        arrays = load(Path(request.inputs), MAPPED_BYTES)
        feeds = {theirs: arrays[name] for name, theirs in request.names.items()}
        run, feedback = self._engine.run, request.feedback
        if feedback is None:
            answers = in_chunks(run, feeds, self._chunk(feeds, request.together))
        else:
            answers = in_steps(run, feeds, feedback)
        save(Path(request.into), answers)
        return Done()

    def _chunk(self, feeds: Arrays, together: bool) -> int:
        """How many samples at once: those that are near a processor together, where the file leaves
        it to us; a large image in a batch takes up to twice as long as alone."""
        from edgeml_converters.frameworks.base import CHUNK_SAMPLES

        assert self._engine is not None
        if together or any(one.shape and one.shape[0] > 1 for one in self._engine.inputs):
            return CHUNK_SAMPLES
        total = sum(array.nbytes for array in feeds.values())
        of_sample = total // len(next(iter(feeds.values())))
        return max(1, min(CHUNK_SAMPLES, _NEAR_BYTES // max(1, of_sample)))


def _precision(model: "Model") -> Precision:
    from edgeml_converters.frameworks.file_model import FileModel
    from edgeml_converters.quantise.found import precision_of

    if not isinstance(model, FileModel):
        return model.precision
    return precision_of("onnx" if model.form == "onnx-file" else "tflite", model.path)


def _gather(request: Gather) -> Done:
    from edgeml_converters.frameworks.loading import find_callable
    from edgeml_converters.sources.gathered import gather

    label = request.source.label
    try:
        gather(find_callable(request.source)(), label, Path(request.folder))
    except (EdgemlError, MemoryError):
        raise
    except Exception as error:
        raise InputError(f"{label} could not give its data ({said(error)}); mend it.") from error
    return Done()


def _as_asked(entry: Path, asked: Asked, arrays: Arrays) -> None:
    from edgeml_converters.formats.onnx_asked import check_opset, fix_sizes, name_free_axes

    if asked.opset is not None:
        check_opset(entry, asked.opset)
    if asked.static:
        fix_sizes(entry, arrays)
    if asked.free:
        name_free_axes(entry, asked.free)


def _take_apart(request: TakeApart) -> Anatomy:
    if request.format == "onnx":
        from edgeml_converters.profile import onnx_anatomy

        return onnx_anatomy.take_apart(Path(request.entry), request.shapes)
    from edgeml_converters.profile import tflite_anatomy

    return tflite_anatomy.take_apart(Path(request.entry), request.shapes)


def _trace(request: Trace) -> Traced:
    from edgeml_converters.bisect.kept import read_sources
    from edgeml_converters.bisect.trace import trace

    sources = {} if request.sources is None else read_sources(Path(request.sources))
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


if __name__ == "__main__":
    end_with(int(sys.argv[2]))
    serve(Session().answer, int(sys.argv[1]))
