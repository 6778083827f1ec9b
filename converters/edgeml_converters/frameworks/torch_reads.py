"""Where a module's own code takes values out of tensors: what branches on them a trace freezes."""

import inspect
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch._ops import HigherOrderOperator
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from edgeml_converters.frameworks.torch_places import Place, place_of

_EDGEML = Path(__file__).parents[1]
_TORCH = Path(torch.__file__).parent
_LAYERS = _TORCH / "nn"
_OF_TENSORS = (_TORCH / "_tensor.py", _TORCH / "overrides.py")
_NOT_THE_MODELS = (_TORCH, Path(np.__file__).parent, _EDGEML)
# What reads tensors without an operator that a dispatch mode sees.
_READERS = ("numpy", "tolist", "__array__", "tensor", "as_tensor", "asarray")
_SIZES = ("shape", "size", "numel", "nelement", "__len__")
# What answers with the shape of a tensor and none of its values.
_OF_SHAPES = ("zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like",
              "new_zeros", "new_ones", "new_empty", "new_full")  # fmt: skip
_MASKS = (torch.bool, torch.uint8)


def places_that_read(
    call: Callable[..., Any], inputs: Sequence[torch.Tensor], weights: Sequence[torch.Tensor] = ()
) -> list[Place]:
    """Each line at which values that depend on `inputs`, or sizes that depend on such values,
    become numbers of Python, in the order in which the call comes by. Shapes are no such values,
    and weights only where they are given."""
    followed = _Followed()
    followed.add([*inputs, *weights])
    with torch.no_grad(), followed.modes():
        call(*inputs)
    return followed.found


@contextmanager
def reads_of(module: torch.nn.Module) -> Generator[list[Place]]:
    """What `places_that_read` gives, of whatever calls the module inside, as an exporter does.

    In a trace a size is a tensor, so that only what makes a number of Python of it is a reading.
    """
    found: list[Place] = []
    followed = _Followed()
    modes = followed.modes()

    def before(_: torch.nn.Module, inputs: Any) -> None:
        followed.add(inputs)
        modes.__enter__()

    def after(*_: Any) -> None:
        modes.__exit__(None, None, None)

    hooks = (
        module.register_forward_pre_hook(before),
        module.register_forward_hook(after, always_call=True),
    )
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
        found += followed.found


class _Followed:
    """The tensors that depend on the inputs, those whose sizes do, and where one was read."""

    def __init__(self) -> None:
        self._tensors = WeakTensorKeyDictionary()
        self._sizes = WeakTensorKeyDictionary()  # tensor -> its sizes that depend on values
        self._places: list[Place] = []
        self.numbers = 0  # how many operators gave a number of what is followed

    @contextmanager
    def modes(self) -> Generator[None]:
        with _Operators(self), _Readers(self):
            yield

    @property
    def found(self) -> list[Place]:
        return list(dict.fromkeys(self._places))

    def add(self, values: object) -> None:
        for tensor in _tensors(values):
            self._tensors[tensor] = True

    def any_of(self, values: object) -> bool:
        return any(tensor in self._tensors for tensor in _tensors(values))

    def add_sizes(self, answer: object, sizes: set[int]) -> None:
        """Of the tensors in `answer` that have one of these sizes."""
        for tensor in _tensors(answer):
            if own := sizes.intersection(tensor.shape):
                self._sizes[tensor] = own

    def sizes_of(self, values: object) -> set[int]:
        return {
            size
            for tensor in _tensors(values)
            if tensor in self._sizes
            for size in self._sizes[tensor]
        }

    def note_place(self) -> None:
        """The innermost line of code that is the model's, unless a layer of PyTorch reads, as to
        find a faster way to the same answer."""
        frames: list[FrameType] = []
        frame = inspect.currentframe()
        while frame is not None and _stands_between(frame):
            frame = frame.f_back
        if frame is None or Path(frame.f_code.co_filename).is_relative_to(_LAYERS):
            return
        while frame is not None and not (frames and _calls_the_model(frame)):
            if not any(Path(frame.f_code.co_filename).is_relative_to(p) for p in _NOT_THE_MODELS):
                frames.append(frame)
            frame = frame.f_back
        if frames:
            self._places.append(place_of(frames))


def _stands_between(frame: FrameType) -> bool:
    """Whether it is edgeml's or a method of tensors, in which what calls it reads."""
    file = Path(frame.f_code.co_filename)
    return file.is_relative_to(_EDGEML) or file in _OF_TENSORS


def _calls_the_model(frame: FrameType) -> bool:
    """Whether it is edgeml's own, but for the modes that stand between the model and PyTorch."""
    file = Path(frame.f_code.co_filename)
    between = "__torch_function__", "__torch_dispatch__"
    return file.is_relative_to(_EDGEML) and frame.f_code.co_name not in between


class _Operators(TorchDispatchMode):  # type: ignore[misc]
    supports_higher_order_operators = True  # torch.cond and its like, whose branches are not read

    def __init__(self, followed: _Followed) -> None:
        super().__init__()
        self._followed = followed

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        followed, kwargs = self._followed, kwargs or {}
        answer = func(*args, **kwargs)
        if isinstance(func, HigherOrderOperator):
            if followed.any_of((args, kwargs)):
                followed.add(answer)
            return answer
        name = func._schema.name.removeprefix("aten::")
        sizes = followed.sizes_of((args, kwargs))
        if sizes:
            if name == "unbind" and args[0].shape[args[1] if len(args) > 1 else 0] in sizes:
                followed.note_place()
            followed.add_sizes(answer, sizes)
        if followed.any_of((args, kwargs)) and name not in _OF_SHAPES:
            if any(isinstance(leaf, bool | int | float) for leaf in tree_leaves(answer)):
                followed.numbers += 1
            followed.add((answer, _written(func, args, kwargs)))
            if torch.Tag.dynamic_output_shape in func.tags and _by_values(name, args):
                followed.add_sizes(answer, _own_sizes(name, args, answer))
        return answer


def _written(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[torch.Tensor]:
    """The tensors that an operator writes to, and those that they are views of."""
    given = {
        argument.name: args[place] if place < len(args) else kwargs.get(argument.name)
        for place, argument in enumerate(func._schema.arguments)
        if argument.is_write
    }
    written = _tensors(given)
    return [*written, *(t._base for t in written if t._base is not None)]


def _by_values(name: str, args: tuple[Any, ...]) -> bool:
    """Indices that are no masks give a shape that no value changes."""
    return name != "index" or any(t.dtype in _MASKS for t in _tensors(args[1:]))


def _own_sizes(name: str, args: tuple[Any, ...], answer: object) -> set[int]:
    if name == "index":
        return {int(t.sum()) for t in _tensors(args[1:]) if t.dtype in _MASKS}
    return {tensor.shape[0] for tensor in _tensors(answer) if tensor.ndim}


class _Readers(TorchFunctionMode):  # type: ignore[misc]
    def __init__(self, followed: _Followed) -> None:
        super().__init__()
        self._followed = followed

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        followed = self._followed
        before = followed.numbers
        answer = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "")
        # An operator that answers a tensor read the number for itself, and a trace keeps that.
        read = followed.numbers > before and not _tensors(answer)
        if read or (name in _READERS and followed.any_of(args)):
            followed.note_place()
        if name == "__get__":
            name = getattr(getattr(func, "__self__", None), "__name__", "")
        if name in _SIZES and (sizes := followed.sizes_of(args)):
            self._note_sizes(answer, sizes)
        return answer

    def _note_sizes(self, answer: Any, sizes: set[int]) -> None:
        traced = _tensors(answer)
        if not traced:
            self._followed.note_place()
        self._followed.add([size for size in traced if int(size) in sizes])


def _tensors(values: object) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, torch.Tensor)]
