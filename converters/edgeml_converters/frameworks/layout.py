"""Where the channels of images stand: the model in the contract's layout, whatever its own is.

PyTorch's own layout is nchw, TensorFlow's nhwc. In the other one the model is the same model with
transposes around it, so that every route, the reference answers and parity see one model. An image
is a tensor of four axes.
"""

from edgeml.contract import Layout
from edgeml.errors import InputError
from edgeml_converters.frameworks.axes import TO_NCHW, TO_NHWC, transposed_arrays
from edgeml_converters.frameworks.base import Model

OWN: dict[str, Layout] = {"torch": "nchw", "tensorflow": "nhwc"}


def in_layout(model: Model, layout: Layout) -> Model:
    """`model` with its images in `layout`.

    Raises InputError for a file that is converted already, whose own layout nobody knows, and for
    TorchScript, which no exporter takes as a part of another model.
    """
    own = OWN.get(model.framework)
    if own is None:
        raise InputError(
            f"--layout {layout} needs a model of PyTorch or TensorFlow, but this is a file in "
            f"{model.framework}, which is shipped as it is; leave --layout out."
        )
    if layout == own:
        return model
    if model.form == "script":
        raise InputError(
            f"--layout {layout} needs a module or an exported program, but this is TorchScript; "
            "save the model with torch.export.save, or name the callable that builds it."
        )
    inward, outward = (TO_NCHW, TO_NHWC) if own == "nchw" else (TO_NHWC, TO_NCHW)
    if model.framework == "torch":
        from edgeml_converters.frameworks import torch_layout

        transposed = torch_layout.wrap(model, inward, outward)
    else:
        from edgeml_converters.frameworks import tensorflow_layout

        transposed = tensorflow_layout.wrap(model, inward, outward)
    transposed.samples = model.samples and transposed_arrays(model.samples, outward)
    return transposed
