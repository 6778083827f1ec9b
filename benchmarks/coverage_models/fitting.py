"""Fits the last layer to the classes of the data, so that answers have margins to keep.

A random last layer takes any two classes as nearly alike, and no int8 file could keep its answers:
nothing would be learnt of whoever made it. All below it stays random.
"""

from typing import Any

import numpy as np

STRENGTH = 0.05  # of the ridge, in shares of the features' variance
HEIGHT = 8.0  # between the logit of the class and the others'


def ridge(features: np.ndarray, labels: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (features, classes) and bias by least squares."""
    mean = features.mean(0, dtype=np.float64)
    centred = features - mean
    wanted = HEIGHT * (np.eye(classes)[labels] - 1 / classes)
    covariance = centred.T @ centred / len(centred)
    width = len(covariance)
    covariance += STRENGTH * np.trace(covariance) / width * np.eye(width)
    weights = np.linalg.solve(covariance, centred.T @ wanted / len(centred))
    return weights, -mean @ weights


def fit_torch(model: Any, inputs: dict[str, np.ndarray], labels: np.ndarray) -> None:
    """In place; the last linear layer or 1 x 1 convolution must give the logits, of each sample or
    of each place in it. Raises ValueError where none does."""
    import torch

    classes = int(labels.max()) + 1
    widths = ("out_features", "out_channels")
    heads = [m for m in model.modules() if classes in [getattr(m, name, 0) for name in widths]]
    if not heads:
        raise ValueError(f"no layer of the model gives {classes} classes")
    seen: list[np.ndarray] = []
    hook = heads[-1].register_forward_hook(lambda _, call, __: seen.append(call[0].numpy()))
    call = [torch.from_numpy(array) for array in inputs.values()]
    with torch.no_grad():
        for begin in range(0, len(labels), 32):
            model(*(array[begin : begin + 32] for array in call))
        hook.remove()
        features = np.concatenate(seen)
        if isinstance(heads[-1], torch.nn.Conv2d):
            features = np.moveaxis(features, 1, -1)
        places = int(np.prod(features.shape[1:-1]))
        features = features.reshape(-1, features.shape[-1])
        weights, bias = ridge(features, np.repeat(labels, places), classes)
        fitted = torch.from_numpy(weights.T)
        heads[-1].weight.copy_(fitted.reshape(heads[-1].weight.shape))
        heads[-1].bias.copy_(torch.from_numpy(bias))


def fit_keras(model: Any, inputs: dict[str, np.ndarray], labels: np.ndarray) -> None:
    """The same for a Keras model that ends with a Dense layer."""
    import keras

    head = model.layers[-1]
    below = keras.Model(model.inputs, head.input)
    features = np.asarray(below(next(iter(inputs.values())), training=False))
    weights, bias = ridge(features, labels, int(labels.max()) + 1)
    head.kernel.assign(weights)
    head.bias.assign(bias)
