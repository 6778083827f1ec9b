"""What a file on the command line holds: a model, or a package with a model for each variant."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from edgeml.contract import Contract
from edgeml.errors import InputError
from edgeml.manifest import Format, Optimisation, Variant
from edgeml.package import Package

SUFFIXES: dict[str, Format] = {".onnx": "onnx", ".tflite": "tflite"}
PACKAGE = ".edgeml"


@dataclass(frozen=True)
class ModelFile:
    """A file that an engine opens.

    name: without folders, or the id of a package's variant.
    inputs, outputs: the contract's name of each tensor -> the file's; empty where there is none.
    optimisations: the level of an engine at which a package's variant is proven.
    """

    name: str
    format: Format
    entry: Path
    inputs: dict[str, str] = field(default_factory=dict[str, str])
    outputs: dict[str, str] = field(default_factory=dict[str, str])
    optimisations: dict[str, Optimisation] = field(default_factory=dict[str, Optimisation])
    contract: Contract | None = None


@contextmanager
def opened(path: Path, variants: tuple[str, ...] = ()) -> Generator[tuple[ModelFile, ...]]:
    """The models in `path`: itself, or the variants of a package, for as long as the block lasts.

    variants: which of a package's, given in its order; empty for all. Raises InputError for a file
    of another kind and for a variant that is not there, PackageError for a package that is not
    whole.
    """
    if path.suffix == PACKAGE:
        with Package(path) as package, TemporaryDirectory(prefix="edgeml-variants-") as folder:
            ids = [variant.id for variant in package.manifest.variants]
            unknown = [identity for identity in variants if identity not in ids]
            if unknown:
                raise InputError(
                    f"{path.name} holds no variant {unknown[0]!r}; it holds {', '.join(ids)}."
                )
            yield tuple(
                _unpacked(package, variant, Path(folder))
                for variant in package.manifest.variants
                if variant.id in (variants or ids)
            )
        return
    form = SUFFIXES.get(path.suffix)
    if form is None:
        raise InputError(f"{path} is of another kind; name an .onnx, a .tflite or a {PACKAGE}.")
    if not path.is_file():
        raise InputError(f"There is no file {path}; convert a model with 'edgeml convert'.")
    if variants:
        raise InputError(f"{path.name} is no package, so it has no variants; leave out --variant.")
    yield (ModelFile(name=path.name, format=form, entry=path.absolute()),)


def _unpacked(package: Package, variant: Variant, folder: Path) -> ModelFile:
    """The variant's files in a folder of their own; a manifest's paths are plain names."""
    for file in variant.files:
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(package.read(file))
    return ModelFile(
        name=variant.id,
        format=variant.format,
        entry=folder / variant.entry,
        inputs=variant.inputs,
        outputs=variant.outputs,
        optimisations={r.engine: r.optimisation for r in variant.requires},
        contract=package.contract(),
    )
