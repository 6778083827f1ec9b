"""What the converter to TFLite says of a model, in one sentence."""

import re
from collections.abc import Generator
from contextlib import contextmanager

from edgeml.errors import ConversionError
from edgeml_converters.bisect.origin import source_of

# error: loc(callsite(fused["MatMul:", "functional_1/dense_1/MatMul@..."] at ...)): 'tf.MatMul' op
# is neither a custom op nor a flex op
_MISSING = re.compile(r"error: loc\((?P<where>.*?)\): 'tf\.(?P<kind>\w+)' op is neither a custom")
_NAME = re.compile(r'fused\["\w+:", "(?P<name>[^"@]+)')
_DOUBLES = re.compile(r"^\s+tf\.\w+\(.*\bf64|tensor<[^>]*xf64>", re.MULTILINE)


@contextmanager
def explained() -> Generator[None]:
    """Raises ConversionError for an operator that TFLite does not have, by the layer that it is
    from."""
    try:
        yield
    except Exception as error:
        text = str(error)
        missing = _MISSING.search(text)
        if missing is None:
            raise
        if _DOUBLES.search(text):
            raise ConversionError(
                "TFLite's operators do not compute in float64; build the model in float32, as "
                "after keras.config.set_floatx('float32'), and give it the weights"
            ) from error
        name = _NAME.search(missing["where"])
        layer = source_of(name["name"]) if name else ""
        taker = f"the layer {layer}" if layer else "the model"
        raise ConversionError(
            f"TFLite has no operator {missing['kind']}, with which {taker} computes; write that "
            "without it, or take another format"
        ) from error
