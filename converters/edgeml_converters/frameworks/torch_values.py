"""Where a module's own code takes values out of tensors: what branches on them a trace freezes."""

import re
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch._subclasses.fake_tensor import DataDependentOutputException
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from edgeml.errors import ConversionError, said
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.frameworks.torch_model import TorchModel

_TORCH = Path(torch.__file__).parent
_HERE = Path(__file__)
_NO_LOWERING = re.compile(r"Lowering not found: (\S+)")
_OF_VALUES = (GuardOnDataDependentSymNode, DataDependentOutputException)
# What reads a tensor without an operator that a dispatch mode sees.
_READERS = ("numpy", "tolist", "__array__")


class Place(NamedTuple):
    """A line of the model's source."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{Path(self.file).name}:{self.line} ({self.text.strip()})"


@contextmanager
def explained(model: TorchModel, arrays: Arrays) -> Generator[None]:
    """Raises ConversionError for whatever an exporter raises inside: where the model's source
    branches on values, if that is why, else what was the matter first."""
    try:
        yield
    except Exception as error:
        causes = _causes(error)
        of_values = any(isinstance(cause, _OF_VALUES) for cause in causes)
        places = (
            places_that_read(model.call, model.tensors(arrays))
            if of_values and model.form == "module"
            else []
        )
        raise ConversionError(
            "torch.export cannot follow the values that the model reads out of its tensors at "
            f"{', '.join(map(str, places))}; write it with torch.where or torch.cond"
            if places
            else _in_words(causes[-1])
        ) from error


def _in_words(error: BaseException) -> str:
    lowering = _NO_LOWERING.search(str(error))
    if lowering is None:
        return said(error)
    return (
        f"litert-torch cannot convert the operator {lowering[1]}; write the model without it, or "
        "take another format"
    )


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what it was raised from, the first cause last."""
    causes = [error]
    while (cause := causes[-1].__cause__) is not None:
        causes.append(cause)
    return causes


def places_that_read(call: Callable[..., Any], inputs: Sequence[torch.Tensor]) -> list[Place]:
    """Each line at which values that depend on `inputs` become numbers of Python, in the order in
    which the call comes by. Weights and shapes are no such values."""
    followed = _Followed(inputs)
    with torch.no_grad(), _Operators(followed), _Readers(followed):
        call(*inputs)
    return list(dict.fromkeys(followed.places))


class _Followed:
    """The tensors that depend on the inputs, and where one was read."""

    def __init__(self, inputs: Sequence[torch.Tensor]) -> None:
        self._tensors = WeakTensorKeyDictionary()
        self.places: list[Place] = []
        self.add(inputs)

    def add(self, values: object) -> None:
        for leaf in tree_leaves(values):
            if isinstance(leaf, torch.Tensor):
                self._tensors[leaf] = True

    def any_of(self, values: object) -> bool:
        return any(
            leaf in self._tensors for leaf in tree_leaves(values) if isinstance(leaf, torch.Tensor)
        )

    def note_place(self) -> None:
        """The innermost line of code that is not PyTorch's."""
        for frame in reversed(traceback.extract_stack()):
            path = Path(frame.filename)
            if path != _HERE and not path.is_relative_to(_TORCH):
                self.places.append(Place(frame.filename, frame.lineno or 0, frame.line or ""))
                return


class _Operators(TorchDispatchMode):  # type: ignore[misc]
    def __init__(self, followed: _Followed) -> None:
        super().__init__()
        self._followed = followed

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        answer = func(*args, **(kwargs or {}))
        if self._followed.any_of((args, kwargs)):
            if func is torch.ops.aten._local_scalar_dense.default:
                self._followed.note_place()
            self._followed.add(answer)
        return answer


class _Readers(TorchFunctionMode):  # type: ignore[misc]
    def __init__(self, followed: _Followed) -> None:
        super().__init__()
        self._followed = followed

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if getattr(func, "__name__", "") in _READERS and self._followed.any_of(args):
            self._followed.note_place()
        return func(*args, **(kwargs or {}))
