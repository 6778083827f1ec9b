"""The manifest: what a package holds, each file by its digest and the blobs it travels in."""

from typing import Literal

from edgeml import digests, names
from edgeml.documents import SCHEMA, Strict

MANIFEST = "manifest.json"
Format = Literal["onnx", "tflite"]
Precision = Literal["fp32", "fp16", "int8", "int8-dynamic", "int8-weights"]
Optimisation = Literal["all", "extended", "basic", "disabled"]  # of a graph, by ONNX Runtime


class File(Strict, frozen=True, kw_only=True):
    """One member of the package.

    path: its name inside the package, relative, with '/'.
    sha256: 64 lower-case hex digits.
    size: in bytes, at least 1.
    blobs: SHA-256 of each consecutive piece of `Manifest.blob_bytes` bytes, the last one shorter.
    """

    path: str
    sha256: str
    size: int
    blobs: tuple[str, ...]


class Requirement(Strict, frozen=True, kw_only=True):
    """An engine on which parity was shown.

    engine: onnxruntime, tflite (tflite-runtime) or litert (ai-edge-litert).
    version: of the library that showed it.
    optimisation: the highest level of graph optimisation at which it was shown.
    """

    engine: str
    version: str
    optimisation: Optimisation = "all"


class Variant(Strict, frozen=True, kw_only=True):
    """One form of the model; a device downloads only the variant that it runs.

    id: format and precision, for example onnx-fp32; a folder in the package.
    format: which engines can read it.
    precision: fp32; fp16; int8 (weights and activations, calibrated); int8-dynamic (activations at
        run time); int8-weights (weights alone).
    entry: the file that an engine opens.
    files: all of its files, the entry among them.
    inputs, outputs: the contract's name of each tensor -> the engine's name of it.
    requires: the engines that may run it.
    batch: the batch size that the file is frozen to, or null where any will do.
    """

    id: str
    format: Format
    precision: Precision
    entry: str
    files: tuple[File, ...]
    inputs: dict[str, str]
    outputs: dict[str, str]
    requires: tuple[Requirement, ...]
    batch: int | None = None

    def requirement(self, engine: str) -> Requirement | None:
        """What was shown on that engine, None where nothing was."""
        return next((r for r in self.requires if r.engine == engine), None)


class Manifest(Strict, frozen=True, kw_only=True):
    """`manifest.json`; its own SHA-256 is the identity of the package.

    name, version: of the model.
    blob_bytes: the size of the pieces in which every file travels.
    contract, holdout, provenance: the members of these names.
    variants: the forms of the model; a device runs the first that its engine was proven on.
    reports: what was found out about the model before it was packed.
    """

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
        """What makes this manifest unusable or dangerous, or None; pure, without IO.

        Names, versions, ids, digests and every part of a path become file names and topics on a
        device, so each must be a plain name; sizes are held by the number of blobs listed.
        """
        ids = [variant.id for variant in self.variants]
        for kind, name in (
            ("name", self.name),
            ("version", self.version),
            *(("variant id", variant_id) for variant_id in ids),
        ):
            if not names.NAME.fullmatch(name):
                return f"its {kind} {name!r} is not a plain name"
        if not ids:
            return "it has no variant"
        if len(set(ids)) != len(ids):
            return "two variants share one id"
        if self.blob_bytes < 1:
            return "its blob size is not positive"
        for variant in self.variants:
            if variant.entry not in {file.path for file in variant.files}:
                return f"variant {variant.id} opens {variant.entry}, which is not one of its files"
        files = self.files()
        return next((f for f in (_fault(file, self.blob_bytes) for file in files) if f), None) or (
            _clash([MANIFEST, *(file.path for file in files)]) or self._misplaced()
        )

    def _misplaced(self) -> str | None:
        """Everything has its place, so that nothing can lie where a device keeps its own files."""
        places = [("contract.json", self.contract), ("holdout.npz", self.holdout)]
        places.append(("provenance.json", self.provenance))
        for place, file in places:
            if file.path != place:
                return f"{file.path} is not in its place, {place}"
        folders = [(f"variants/{v.id}/", file) for v in self.variants for file in v.files]
        folders += [("reports/", file) for file in self.reports]
        for folder, file in folders:
            if not file.path.startswith(folder):
                return f"{file.path} is not in its folder, {folder}"
        return None


def _fault(file: File, blob_bytes: int) -> str | None:
    """What is wrong with one file."""
    if not all(names.NAME.fullmatch(part) for part in file.path.split("/")):
        return f"the path {file.path!r} is not one of plain names"
    if not all(digests.is_sha256(digest) for digest in (file.sha256, *file.blobs)):
        return f"{file.path} has a digest that is not 64 lower-case hex digits"
    if file.size < 1 or len(file.blobs) != -(-file.size // blob_bytes):
        return f"{file.path} has {len(file.blobs)} blobs, which its size does not allow"
    if len(file.blobs) == 1 and file.blobs[0] != file.sha256:
        return f"{file.path} is one blob, but their digests differ"
    return None


def _clash(paths: list[str]) -> str | None:
    """Two files that cannot lie in one folder beside each other, in any file system."""
    seen = {path.lower() for path in paths}
    if len(seen) != len(paths):
        return "two files share one path"
    for path in seen:
        parts = path.split("/")
        parents = ("/".join(parts[:n]) for n in range(1, len(parts)))
        if any(parent in seen for parent in parents):
            return f"the path {path!r} makes a folder of another file"
    return None
