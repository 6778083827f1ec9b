"""The manifest: what a package holds, each file by its digest and the blobs it travels in."""

from pathlib import PurePosixPath
from typing import Literal

from edgeml.documents import SCHEMA, Strict

Format = Literal["onnx", "tflite"]


class File(Strict, frozen=True, kw_only=True):
    """One member of the package.

    path: its name inside the package, relative, with '/'.
    blobs: SHA-256 of each consecutive piece of `Manifest.blob_bytes` bytes, the last one shorter.
    """

    path: str
    sha256: str
    size: int
    blobs: tuple[str, ...]


class Requirement(Strict, frozen=True, kw_only=True):
    """An engine on which parity was shown, and the version that showed it."""

    engine: str
    version: str


class Variant(Strict, frozen=True, kw_only=True):
    """One form of the model; a device downloads only the variant that it runs.

    entry: the file that an engine opens.
    batch: the batch size that the file is frozen to, or None where any will do.
    inputs, outputs: the contract's name of each tensor -> the engine's name of it.
    requires: the engines that may run it.
    """

    id: str
    format: Format
    precision: str
    entry: str
    files: tuple[File, ...]
    inputs: dict[str, str]
    outputs: dict[str, str]
    requires: tuple[Requirement, ...]
    batch: int | None = None


class Manifest(Strict, frozen=True, kw_only=True):
    """`manifest.json`; its own SHA-256 is the identity of the package."""

    name: str
    version: str
    blob_bytes: int
    contract: File
    holdout: File
    variants: tuple[Variant, ...]
    reports: tuple[File, ...]
    provenance: File
    schema: int = SCHEMA

    def files(self) -> tuple[File, ...]:
        """Every file of the package but the manifest itself."""
        variants = tuple(file for variant in self.variants for file in variant.files)
        return (self.contract, self.holdout, *variants, *self.reports, self.provenance)

    def files_for(self, variant: Variant) -> tuple[File, ...]:
        """What a device that runs `variant` needs."""
        return (self.contract, self.holdout, *variant.files)

    def fault(self) -> str | None:
        """What makes this manifest unusable or dangerous, or None; pure, without IO."""
        files = self.files()
        paths = [file.path for file in files]
        if len(set(paths)) != len(paths):
            return "two files share one path"
        if self.blob_bytes < 1:
            return "its blob size is not positive"
        for file in files:
            pure = PurePosixPath(file.path)
            if (
                pure.is_absolute()
                or ".." in pure.parts
                or str(pure) != file.path
                or "\\" in file.path
            ):
                return f"the path {file.path!r} leaves the package"
            if file.size < 1 or len(file.blobs) != -(-file.size // self.blob_bytes):
                return f"{file.path} has {len(file.blobs)} blobs, which its size does not allow"
            if len(file.blobs) == 1 and file.blobs[0] != file.sha256:
                return f"{file.path} is one blob, but their digests differ"
        for variant in self.variants:
            if variant.entry not in {file.path for file in variant.files}:
                return f"variant {variant.id} opens {variant.entry}, which is not one of its files"
        if not self.variants:
            return "it has no variant"
        return None
