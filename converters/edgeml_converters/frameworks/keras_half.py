"""Keras models that compute in half precision, as those trained under a mixed policy."""

from typing import Any

_HALF = ("float16", "bfloat16")


def in_float32(model: Any) -> tuple[str, ...]:
    """Lets every layer compute in float32, in place; returns what is to be said of it.

    TFLite has no convolution in half precision, and edgeml makes fp16 files of its own. Under
    `mixed_float16` the weights are float32 anyway; those that are not, float32 holds exactly.
    """
    import keras

    found: set[str] = set()
    for layer in model._flatten_layers():  # no public way knows the layers inside layers
        policy = layer.dtype_policy
        if policy.compute_dtype in _HALF and policy.quantization_mode is None:
            found.add(policy.name)
            layer.dtype_policy = keras.DTypePolicy("float32")
    if not found:
        return ()
    return (
        f"The model computes under the policy {' and '.join(sorted(found))}; it was asked and "
        "converted in float32.",
    )
