"""SHA-256 in the one form that topics, manifests and stores use: 64 lower-case hex digits."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import IO

_SHA256 = re.compile(r"[0-9a-f]{64}")


def is_sha256(value: str) -> bool:
    return _SHA256.fullmatch(value) is not None


def sha256(data: bytes | memoryview) -> str:
    return hashlib.sha256(data).hexdigest()


def sha256_stream(stream: IO[bytes]) -> str:
    """The digest of what is left to read."""
    digest = hashlib.sha256()
    while piece := stream.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()


def sha256_file(path: Path) -> str:
    with path.open("rb") as stream:
        return sha256_stream(stream)


def sha256_files(folder: Path, files: Iterable[Path]) -> str:
    """One for all, of their digests and their names in `folder`, sorted."""
    lines = sorted(f"{sha256_file(file)} {file.relative_to(folder).as_posix()}\n" for file in files)
    return sha256("".join(lines).encode())
