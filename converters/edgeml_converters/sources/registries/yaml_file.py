"""Small YAML files that other tools wrote, as typed structs that ignore what they do not know."""

from pathlib import Path
from typing import TypeVar

import msgspec

from edgeml.errors import InputError, first_line

Document = TypeVar("Document", bound=msgspec.Struct)
_LIMIT_BYTES = 1 << 20


def read(path: Path, kind: type[Document]) -> Document:
    """Raises InputError when the file is no such document."""
    if path.stat().st_size > _LIMIT_BYTES:
        raise InputError(f"{path} is larger than {_LIMIT_BYTES} B and so no file of its kind.")
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=kind)
    except ImportError as error:
        raise InputError(
            f"Reading {path.name} needs PyYAML, which is not installed; install "
            "edgeml[workstation]."
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = first_line(str(error)) or type(error).__name__
        raise InputError(
            f"{path} cannot be read ({reason}); make it again with the tool that wrote it."
        ) from error
