"""Files of PyTorch are pickles, and a pickle may run any code: only tensors are taken from them."""

import os
import pickle
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from edgeml.errors import InputError

_GLOBAL = re.compile(r"GLOBAL (\S+)")  # how PyTorch names what it refuses
_FORCE = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"


@contextmanager
def tensors_only(path: Path, remedy: str) -> Generator[None]:
    """In this block torch.load takes tensors only, even where PyTorch's own code asks for more.

    Raises InputError, ending in `remedy`, for anything else in the file.
    """
    before = os.environ.get(_FORCE)
    os.environ[_FORCE] = "1"
    try:
        yield
    except pickle.UnpicklingError as error:
        named = _GLOBAL.search(str(error))
        what = f" ({named[1]})" if named else ""
        raise InputError(
            f"{path.name} holds pickled objects besides tensors{what}, which are not loaded, "
            f"because a pickle may run any code; {remedy}."
        ) from error
    finally:
        if before is None:
            del os.environ[_FORCE]
        else:
            os.environ[_FORCE] = before
