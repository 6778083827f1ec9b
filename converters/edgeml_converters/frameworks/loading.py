"""From a source to a model: the one place that decides which framework it belongs to."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from edgeml.contract import Layout
from edgeml.errors import EdgemlError, InputError
from edgeml_converters.asked import WITH_BATCH_AXES, Asked
from edgeml_converters.extras import EXTRAS
from edgeml_converters.frameworks.base import Model
from edgeml_converters.frameworks.keras_words import said
from edgeml_converters.frameworks.layout import in_layout
from edgeml_converters.frameworks.samples import by_name, sample_keys, split
from edgeml_converters.sources.source import Source


def load_model(
    source: Source,
    layout: Layout | None = None,
    asked: Asked | None = None,
    keys: Sequence[str] = (),
    scratch: Path | None = None,
) -> Model:
    """The model with its images in `layout`, None: in its framework's own.

    keys: the names of the inputs in the data, by which what is inside of another is told. scratch:
    a folder for files that --batch-axis wants.

    Raises InputError when the source cannot be loaded or holds no model, ModuleNotFoundError when
    its framework is not installed.
    """
    try:
        asked = asked or Asked()
        model = _load(source, asked, keys, scratch)
        _check_batch_axes(model, asked)
        return model if layout is None else in_layout(model, layout)
    except (EdgemlError, MemoryError):
        raise
    except Exception as error:
        package = (getattr(error, "name", None) or "").partition(".")[0]
        if isinstance(error, ModuleNotFoundError) and package in EXTRAS:
            raise  # the command says which extra brings it
        raise InputError(
            f"{source.label} could not be loaded ({said(error)}); save the model again or mend it."
        ) from error


def _load(source: Source, asked: Asked, keys: Sequence[str], scratch: Path | None) -> Model:
    match source.kind:
        case "exported-program":
            from edgeml_converters.frameworks import torch_model

            return _adapted(torch_model.load_exported(Path(source.location)), None, asked, keys)[0]
        case "torchscript":
            from edgeml_converters.frameworks import torch_model

            return _adapted(torch_model.load_script(Path(source.location)), None, asked, keys)[0]
        case "keras":
            from edgeml_converters.frameworks import tensorflow_files

            return tensorflow_files.load_keras(Path(source.location))
        case "saved-model":
            from edgeml_converters.frameworks import tensorflow_files

            return tensorflow_files.load_saved_model(Path(source.location), source.attribute)
        case "onnx":
            from edgeml_converters.frameworks import file_model

            return file_model.load_onnx(Path(source.location), asked, scratch)
        case "tflite":
            from edgeml_converters.frameworks import file_model

            return file_model.load_tflite(Path(source.location))
        case "module" | "file":
            built, samples = split(find_callable(source)())
            model = _wrap(source, built, keys or sample_keys(samples))
            if source.weights is not None:
                _load_weights(model, source, Path(source.weights))
            if model.framework == "torch":
                model, samples = _adapted(model, samples, asked, keys)
            if samples is not None:
                model.samples = by_name(samples, model.inputs, source.label)
            return model


def _check_batch_axes(model: Model, asked: Asked) -> None:
    if not asked.batch_axes:
        return
    if model.framework not in WITH_BATCH_AXES:
        raise InputError(
            f"--batch-axis is for PyTorch and ONNX, but this is a model of {model.framework}; let "
            "it take and give the sample first."
        )


def _adapted(
    model: Model, samples: object, asked: Asked, keys: Sequence[str]
) -> tuple[Model, object]:
    """Keywords and what is inside of another as plain inputs; the samples by the same names."""
    from edgeml_converters.frameworks import torch_adapted, torch_model

    assert isinstance(model, torch_model.TorchModel)
    if samples is not None and model.form == "module":
        samples = torch_adapted.flat_samples(samples, model.target)
        if not keys and isinstance(samples, Mapping):
            keys = tuple(samples)
    return torch_adapted.adapted(model, keys, asked), samples


def _wrap(source: Source, built: object, keys: Sequence[str]) -> Model:
    """`built` as a model of the framework that the callable itself has imported."""
    if "torch" in sys.modules:
        from edgeml_converters.frameworks import torch_model

        model = torch_model.wrap(built)
        if model is not None:
            return model
    if "keras" in sys.modules or "tensorflow" in sys.modules:
        from edgeml_converters.frameworks import (
            keras_subclassed,
            tensorflow_functions,
            tensorflow_model,
        )

        model = (
            keras_subclassed.wrap(built, keys)
            or tensorflow_model.wrap(built)
            or tensorflow_functions.wrap(built)
        )
        if model is not None:
            return model
    raise InputError(
        f"{source.label} returned {type(built).__name__}; it must return a torch.nn.Module, an "
        "exported program, a TorchScript module, a keras.Model, a loaded SavedModel or a "
        "tf.function with an input_signature."
    )


def _load_weights(model: Model, source: Source, path: Path) -> None:
    if model.form != "module":
        raise InputError(
            f"--weights {path.name} needs a callable that returns a torch.nn.Module, but "
            f"{source.label} returned another model of {model.framework}; let the callable load "
            "its weights."
        )
    from edgeml_converters.frameworks import torch_model, weights

    assert isinstance(model, torch_model.TorchModel)
    weights.load_weights(model.target, path)


def find_callable(source: Source) -> Callable[[], Any]:
    """Imports the module that holds it; raises InputError where there is none."""
    if source.kind == "file":
        module = _import_file(Path(source.location))
    else:
        sys.path.insert(0, "")  # modules of the folder that the command was called in
        try:
            module = importlib.import_module(source.location)
        except ModuleNotFoundError as error:
            if error.name and not source.location.startswith(error.name):
                raise
            raise InputError(
                f"There is no module {source.location!r} here; call edgeml from its folder or "
                "name the file as file.py:callable."
            ) from error
    if not hasattr(module, source.attribute):
        own = sorted(
            name
            for name, value in vars(module).items()
            if callable(value) and getattr(value, "__module__", None) == module.__name__
        )
        raise InputError(
            f"There is no {source.attribute!r} in {source.location}, which has "
            f"{', '.join(own) or 'no function of its own'}; name one of these."
        )
    attribute = getattr(module, source.attribute)
    if not callable(attribute):
        raise InputError(
            f"{source.label} is not a callable; name a function without arguments that returns "
            "the model."
        )
    if needed := _needed(attribute):
        raise InputError(
            f"{source.label} is called without arguments, but wants {', '.join(needed)}; name a "
            "function that wants none."
        )
    build: Callable[[], Any] = attribute
    return build


def _needed(function: Callable[..., Any]) -> list[str]:
    """The parameters without which it cannot be called."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # of some that are not written in Python nobody knows
        return []
    open_ended = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        name
        for name, one in parameters.items()
        if one.default is one.empty and one.kind not in open_ended
    ]


def _import_file(path: Path) -> ModuleType:
    sys.path.insert(0, str(path.parent))  # it may import its neighbours
    name = path.stem if path.stem not in sys.modules else f"{path.stem}_source"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
