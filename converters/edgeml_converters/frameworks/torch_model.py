"""PyTorch: modules, exported programs and TorchScript behind one class."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch.export.pt2_archive.constants import (
    AOTINDUCTOR_DIR,
    CONSTANTS_DIR,
    OPAQUE_OBJ_FILENAME_PREFIX,
)

from edgeml.errors import InputError
from edgeml_converters.formats.tensors import Array, Arrays, ModelInput
from edgeml_converters.frameworks.base import Model, name_outputs
from edgeml_converters.frameworks.pickles import tensors_only
from edgeml_converters.frameworks.torch_float32 import (
    exported_without_half,
    float_dtypes,
    without_half,
)
from edgeml_converters.frameworks.torch_quantised import frozen, precision_of

_EXECUTED = (AOTINDUCTOR_DIR, CONSTANTS_DIR + OPAQUE_OBJ_FILENAME_PREFIX)


class TorchModel(Model):
    """target: the module, exported program or script module that the routes take.

    call: the same as a function of the inputs by position.
    """

    framework = "torch"

    def __init__(
        self, form: str, target: Any, call: Callable[..., Any], inputs: tuple[ModelInput, ...]
    ) -> None:
        self.form = form
        self.target = target
        self.call = call
        self.inputs = inputs
        self.batch = _frozen_batch(inputs)
        if isinstance(call, torch.nn.Module):
            self.precision = precision_of(call)

    def around(self, module: Any, inputs: tuple[ModelInput, ...]) -> "TorchModel":
        """The same model inside of `module`."""
        model = TorchModel("module", module, module, inputs)
        model.floats, model.assumed = self.floats, self.assumed
        model.batch, model.asked, model.precision = self.batch, self.asked, self.precision
        return model

    def _predict(self, arrays: Arrays) -> dict[str, Array]:
        with torch.no_grad():
            answer = self.call(*self.tensors(arrays))
        return {name: value.detach().cpu().numpy() for name, value in name_outputs(answer).items()}

    def tensors(self, arrays: Arrays) -> tuple[torch.Tensor, ...]:
        """The inputs that `arrays` holds, in the order of the call."""
        return tuple(torch.from_numpy(arrays[i.name]) for i in self.inputs if i.name in arrays)


def load_exported(path: Path) -> Model:
    """Raises InputError for what would run code on being loaded."""
    from torch.export.pt2_archive._package import PT2ArchiveReader

    try:
        names = PT2ArchiveReader(str(path)).get_file_names()
    except RuntimeError:
        names = []  # the format of PyTorch 2.7 and before, which has nothing of the kind
    executable = [name for name in names if name.startswith(_EXECUTED)]
    if executable:
        raise InputError(
            f"{path.name} holds {executable[0]}, which PyTorch would execute; export the program "
            "again without compiled code and opaque objects."
        )
    with tensors_only(path, "export the program again with tensors only as example inputs"):
        return _exported(torch.export.load(path))


def load_script(path: Path) -> Model:
    return _script(torch.jit.load(path, map_location="cpu"))


def wrap(built: object) -> Model | None:
    """A model of PyTorch, or None when `built` is none."""
    if isinstance(built, torch.export.ExportedProgram):
        return _exported(built)
    if isinstance(built, torch.jit.ScriptModule):
        return _script(built)
    if isinstance(built, torch.nn.Module):
        module, assumed = without_half(frozen(_evaluated(built.cpu())))
        inputs = _traced_sizes(module, _parameters(module))
        model = TorchModel("module", module, module, inputs)
        floats = {str(one).removeprefix("torch.") for one in float_dtypes(module)}
        model.floats = min(floats, default=None)  # float32 where there are both
        model.assumed = assumed
        return model
    return None


def _evaluated(module: torch.nn.Module) -> torch.nn.Module:
    try:
        return module.eval()
    except NotImplementedError:  # a graph of torch.export stays in the mode that it was made in
        return module


def _parameters(module: torch.nn.Module) -> tuple[ModelInput, ...]:
    """The parameters of `forward`; floats must be of the weights' dtype."""
    inputs: list[ModelInput] = []
    any_name = False  # then by those in the data
    for name, parameter in inspect.signature(module.forward).parameters.items():
        required = parameter.default is parameter.empty
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD) or (
            parameter.kind is parameter.KEYWORD_ONLY and required
        ):
            inputs.append(ModelInput(name=name, required=required))
        elif parameter.kind is parameter.VAR_KEYWORD:
            any_name = True
    return tuple(inputs) if any_name else _named(inputs)


def _traced_sizes(
    module: torch.nn.Module, inputs: tuple[ModelInput, ...]
) -> tuple[ModelInput, ...]:
    """With the dtypes and sizes that a graph of torch.export was traced with."""
    if not isinstance(module, torch.fx.GraphModule):
        return inputs
    values = _placeholders(module.graph)
    return tuple(
        _declared(one.name, values[one.name], one.required)
        if isinstance(values.get(one.name), torch.Tensor)
        else one
        for one in inputs
    )


def _placeholders(graph: torch.fx.Graph) -> dict[str, Any]:
    """What each was traced with, where that is known."""
    nodes = (node for node in graph.nodes if node.op == "placeholder")
    return {str(node.target): node.meta.get("val") for node in nodes}


def _declared(name: str, value: torch.Tensor, required: bool = True) -> ModelInput:
    return ModelInput(
        name=name,
        dtype=str(value.dtype).removeprefix("torch."),
        shape=tuple(_size(size) for size in value.shape),
        required=required,
    )


def _named(inputs: list[ModelInput]) -> tuple[ModelInput, ...]:
    if not inputs:
        raise InputError("forward() has no named parameter; name its inputs.")
    return tuple(inputs)


def _script(script: Any) -> Model:
    arguments = script.forward.schema.arguments[1:]
    inputs = [ModelInput(name=a.name, required=not a.has_default_value()) for a in arguments]
    script = script.eval()
    return TorchModel("script", script, script, _named(inputs))


def _exported(program: torch.export.ExportedProgram) -> Model:
    values = _placeholders(program.graph)
    inputs: list[ModelInput] = []
    for name in program.graph_signature.user_inputs:
        value = values.get(name) if isinstance(name, str) else None
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise InputError(f"The exported program takes {name!r}, which is no tensor.")
        inputs.append(_declared(name, value))
    wide = exported_without_half(program)
    if wide is not None:
        module, said = wide
        in_float32 = [_in_float32(one) for one in inputs]
        model = TorchModel("module", module, module, _named(in_float32))
        model.assumed = said
        return model
    module = program.module()
    if precision_of(module) != "fp32":
        module = frozen(module)
        return TorchModel("module", module, module, _named(inputs))
    return TorchModel("exported", program, module, _named(inputs))


def _in_float32(declared: ModelInput) -> ModelInput:
    half = declared.dtype in ("float16", "bfloat16")
    return msgspec.structs.replace(declared, dtype="float32") if half else declared


def _size(size: Any) -> int | None:
    """None for a symbolic size."""
    return size if isinstance(size, int) else None


def _frozen_batch(inputs: tuple[ModelInput, ...]) -> int | None:
    sizes = {i.shape[0] for i in inputs if i.shape}
    frozen = sizes - {None}
    if frozen - {1}:
        raise InputError(
            f"The exported program is frozen to batch {max(s for s in frozen if s)}; export it "
            "with a dynamic first axis, torch.export.export(..., dynamic_shapes=({0: "
            "torch.export.Dim('batch')},)), or with batch 1."
        )
    return 1 if frozen else None
