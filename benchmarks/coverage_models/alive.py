"""Random weights under which every part of a network counts.

As they are initialised many are dead in parts: layer scales of 1e-6, last normalisations of zero,
biases and positions of zero, and batch statistics that fit no data. An export that is wrong there
would look right.
"""

from typing import Any

import numpy as np


def enliven_torch(model: Any, inputs: dict[str, np.ndarray], seed: int = 7) -> None:
    """Fills in what is constant, then takes batch statistics from random batches, in place."""
    import torch

    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            _fill(parameter)
        for module in model.modules():
            if hasattr(module, "momentum") and hasattr(module, "running_mean"):
                module.reset_running_stats()
                module.momentum = None  # the mean of all batches
                if module.affine:
                    # Mostly above zero: around it a deep net of random weights makes its rounding
                    # twenty times larger, which no trained one does.
                    module.weight.uniform_(0.5, 1.0)
                    module.bias.normal_(0.7, 0.2)
        for module in model.modules():
            module.train("BatchNorm" in type(module).__name__)
        call = [torch.from_numpy(array) for array in inputs.values()]
        for begin in range(0, len(call[0]), 8):
            model(*(array[begin : begin + 8] for array in call))
    model.eval()


def _fill(parameter: Any) -> None:
    """Scales around what they are, the rest around zero; matrices of a variance that keeps."""
    import torch

    constant = parameter.numel() > 1 and float(parameter.std()) == 0
    value = float(parameter.flatten()[0])
    if constant and value == 0:
        parameter.normal_(0, 0.1)
    elif constant:
        torch.nn.init.uniform_(parameter, 0.5, 1.5).mul_(max(abs(value), 0.2))
    elif parameter.ndim >= 2:
        fan_in = parameter[0].numel()
        least = (1.0 / fan_in) ** 0.5
        if fan_in > 1 and float(parameter.std()) < least:
            parameter.mul_(least / float(parameter.std()))


def enliven_keras(model: Any, inputs: dict[str, np.ndarray], seed: int = 7) -> None:
    """The same for a Keras model; a batch in train mode sets the statistics."""
    random = np.random.default_rng(seed)
    for layer in model._flatten_layers():
        if hasattr(layer, "moving_mean"):
            layer.momentum = 0.0  # the statistics of this batch
            layer.beta.assign(random.normal(0.7, 0.2, layer.beta.shape))
    for variable in model.trainable_variables:
        value = np.asarray(variable)
        if value.size > 1 and value.std() == 0:
            flat = float(value.flat[0])
            filled = random.normal(0, 0.1, value.shape)
            if flat:
                filled = max(abs(flat), 0.2) * random.uniform(0.5, 1.5, value.shape)
            variable.assign(filled.astype(value.dtype))
    call = list(inputs.values())
    model(call if len(call) > 1 else call[0], training=True)
