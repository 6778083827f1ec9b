"""PyTorch to TFLite by litert-torch, frozen to batch 1, with the contract's names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import litert_torch
import numpy as np
import torch
from litert_torch.fx_infra import decomp
from litert_torch.quantize import pt2e_quantizer
from litert_torch.quantize.quant_config import QuantConfig

from edgeml.errors import ConversionError
from edgeml_converters.formats import tflite_edit
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.frameworks.base import name_outputs
from edgeml_converters.frameworks.torch_adapted import identifiers
from edgeml_converters.frameworks.torch_float32 import without_double
from edgeml_converters.frameworks.torch_model import TorchModel
from edgeml_converters.frameworks.torch_quantised import in_int8
from edgeml_converters.frameworks.torch_values import caught, explained
from edgeml_converters.quantise.tflite.edges import set_float_edges
from edgeml_converters.routes.litert_constants import constants_of_their_own
from edgeml_converters.routes.litert_names import whole_paths
from edgeml_converters.routes.litert_operators import for_litert
from edgeml_converters.routes.torch_cond import both_ways
from edgeml_converters.steps.messages import Converted

ENTRY = "model.tflite"


class Named(torch.nn.Module):  # type: ignore[misc]
    """Takes inputs by keyword and answers a dict, whose keys become the file's own names."""

    def __init__(self, module: Any, inputs: tuple[str, ...]) -> None:
        super().__init__()
        self.module = module
        self._names = inputs

    def forward(self, **arrays: torch.Tensor) -> dict[str, torch.Tensor]:
        return name_outputs(self.module(*(arrays[name] for name in self._names)))


def by_litert(
    model: TorchModel, arrays: Arrays, outputs: tuple[str, ...], folder: Path
) -> Converted:
    """What computes in float64 between inputs that do not is converted in float32."""
    decomp.update_pre_convert_decomp(for_litert())
    try:
        return _by_litert(model, model.target, arrays, folder)
    except ConversionError as error:
        doubles = any(array.dtype == np.float64 for array in arrays.values())
        if doubles or model.form != "module" or "f64" not in str(error.__cause__):
            raise
    return _by_litert(model, without_double(model.target), arrays, folder)


def _by_litert(model: TorchModel, target: Any, arrays: Arrays, folder: Path) -> Converted:
    """target: the model itself, or what stands for it."""
    first = model.tensors({name: array[:1] for name, array in arrays.items()})
    module: Any = target
    if model.form == "script":
        from torch._export.converter import TS2EPConverter

        module = TS2EPConverter(module, first).convert().module(check_guards=False)
    elif model.form == "exported":
        module = module.module(check_guards=False)
    quantised: dict[str, Any] = {}
    if model.precision != "fp32":
        module = in_int8(module)
        quantised = {"quant_config": _quantised(dynamic=model.precision != "int8")}
    spelled = identifiers(tuple(arrays))  # the exporter writes code with them
    named = Named(module, tuple(spelled))
    named.training = False  # exported programs refuse eval(), which they do not need
    sample = dict(zip(spelled, first, strict=True))
    with explained(model, arrays), constants_of_their_own(), whole_paths(), both_ways(named):
        converted = litert_torch.convert(
            named, sample_kwargs=sample, strict_export=False, **quantised
        )
        converted.export(str(folder / ENTRY))
    if quantised:
        _give_float_edges(folder / ENTRY)
    _name_inputs(folder / ENTRY, dict(zip(spelled, arrays, strict=True)))
    return Converted(entry=ENTRY, frozen=caught(model, arrays))


def _quantised(*, dynamic: bool) -> QuantConfig:
    """By which litert-torch makes int8 operators of those between rounded tensors."""
    config = pt2e_quantizer.get_symmetric_quantization_config(
        is_per_channel=True, is_dynamic=dynamic
    )
    return QuantConfig(pt2e_quantizer=pt2e_quantizer.PT2EQuantizer().set_global(config))


def _give_float_edges(entry: Path) -> None:
    """As the model itself has them: litert-torch leaves the rounding at both ends to the caller."""
    model = tflite_edit.read(entry.read_bytes())
    set_float_edges(model)
    entry.write_bytes(tflite_edit.write(model))


def _name_inputs(entry: Path, names: Mapping[str, str]) -> None:
    """Gives the inputs of the file's signature their own names where the exporter had others."""
    if all(spelled == name for spelled, name in names.items()):
        return
    model = tflite_edit.read(entry.read_bytes())
    for signature in model.signatureDefs:
        for tensor in signature.inputs:
            name = tensor.name.decode()
            tensor.name = names.get(name, name).encode()
    entry.write_bytes(tflite_edit.write(model))
