"""Which engines there are, which of them work here, and which one runs a package."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import as_file, files

import numpy as np

from edgeml.errors import EdgemlError, EngineError, InputError
from edgeml.manifest import Manifest, Variant
from edgeml_runtime.engines.base import Engine

# In the order of preference; name -> module and class.
_ENGINES = {
    "onnxruntime": ("edgeml_runtime.engines.onnx", "OnnxEngine"),
    "tflite": ("edgeml_runtime.engines.tflite", "TfliteEngine"),
    "litert": ("edgeml_runtime.engines.tflite", "LitertEngine"),
}
ENGINES = tuple(_ENGINES)


@dataclass(frozen=True)
class Probe:
    """Whether an engine works here: version if it does, the problem with its remedy if not."""

    name: str
    format: str
    ok: bool
    version: str | None
    problem: str | None


def engine_class(name: str) -> type[Engine]:
    """The class of that name; the library behind it is loaded only when it is used."""
    if name not in _ENGINES:
        raise InputError(f"There is no engine {name!r}; use one of {', '.join(ENGINES)}.")
    module, attribute = _ENGINES[name]
    found: type[Engine] = getattr(import_module(module), attribute)
    return found


def probe(name: str) -> Probe:
    """Constructs the engine on a tiny shipped model and runs it: an import alone proves nothing."""
    engine = engine_class(name)
    try:
        version = engine.version()
        tiny = files("edgeml_runtime.engines") / f"probe.{engine.format}"
        with as_file(tiny) as path:
            loaded = engine(path)
            (spec,) = loaded.signature.inputs
            (found,) = loaded.run({spec.name: np.array([[1, 2]], np.float32)}).values()
        if found.tolist() != [[2.0, 4.0]]:
            raise EngineError(
                f"{name} {version} answers {found.tolist()}, not [[2, 4]]; reinstall it."
            )
    except EdgemlError as error:
        return Probe(name, engine.format, False, None, str(error))
    return Probe(name, engine.format, True, version, None)


def available() -> list[str]:
    """The engines that work here, in the order of preference."""
    return [name for name in ENGINES if probe(name).ok]


def choose(manifest: Manifest, engines: Sequence[str] | None = None) -> tuple[Variant, str]:
    """The first variant that one of `engines` may run, and that engine; None: any that works.

    An engine that no variant needs is not even loaded: its memory would stay.
    """
    wanted = {r.engine for variant in manifest.variants for r in variant.requires}
    for name in ENGINES if engines is None else engines:
        if name not in wanted or (engines is None and not probe(name).ok):
            continue
        for variant in manifest.variants:
            if variant.requirement(name) is not None:
                return variant, name
    usable = ", ".join(available() if engines is None else engines) or "none"
    raise EngineError(
        f"{manifest.name} {manifest.version} runs on {', '.join(sorted(wanted)) or 'no engine'}, "
        f"but this device has {usable}; install one of them or package another variant."
    )
