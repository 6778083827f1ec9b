"""Makes the .tflite files beside it: `python tests/runtime/assets/make.py` (needs TensorFlow).

Both have inputs a and b and the outputs total = a + b and difference = a - b, all of one shape, so
that whoever confuses two of them is found out.
"""

import tempfile
from pathlib import Path
from typing import Any

import tensorflow as tf

FOLDER = Path(__file__).parent


def write(name: str, batch: int | None) -> None:
    """batch: the size that the file is frozen to; None: any."""

    def serve(a: Any, b: Any) -> dict[str, Any]:
        return {"total": a + b, "difference": a - b}

    serving = tf.function(
        serve,
        input_signature=[tf.TensorSpec((batch, 3), tf.float32, name=name) for name in "ab"],
    )
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(tf.Module(), folder, signatures={"serving_default": serving})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        (FOLDER / name).write_bytes(converter.convert())


if __name__ == "__main__":
    write("pair_any_batch.tflite", None)
    write("pair_batch_1.tflite", 1)
