"""What the interpreters answer to a .tflite file."""

from pathlib import Path

import numpy as np

from edgeml_runtime.engines.base import Engine
from edgeml_runtime.engines.tflite import LitertEngine, TfliteEngine
from tests.converters.quantise.made import Array

ENGINES = (TfliteEngine, LitertEngine)


def answer(engine: type[Engine], file: Path, x: Array) -> Array:
    (found,) = engine(file).run({"x": x}).values()
    return found.astype(np.float64)
