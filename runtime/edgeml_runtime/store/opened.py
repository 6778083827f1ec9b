"""A package in the store, its files in place."""

from dataclasses import dataclass
from pathlib import Path

from edgeml import documents, holdout
from edgeml.contract import Contract
from edgeml.errors import VerificationError
from edgeml.holdout import Holdout
from edgeml.manifest import MANIFEST, Manifest, Variant


@dataclass(frozen=True)
class Opened:
    """One variant of a package whose files were verified before."""

    folder: Path
    manifest: Manifest
    variant: Variant

    @classmethod
    def read(cls, folder: Path, variant_id: str) -> "Opened":
        data = (folder / MANIFEST).read_bytes()
        return cls.of(folder, documents.decode(data, Manifest, "the manifest"), variant_id)

    @classmethod
    def of(cls, folder: Path, manifest: Manifest, variant_id: str) -> "Opened":
        variant = next((v for v in manifest.variants if v.id == variant_id), None)
        if variant is None:
            raise VerificationError(f"{manifest.name} has no variant {variant_id}; publish again.")
        return cls(folder, manifest, variant)

    @property
    def entry(self) -> Path:
        return self.folder / self.variant.entry

    def contract(self) -> Contract:
        data = (self.folder / self.manifest.contract.path).read_bytes()
        return documents.decode(data, Contract, "the contract")

    def holdout(self, *, first: bool = False) -> Holdout:
        """first: of the samples only the first, for which no more is read."""
        file = self.folder / self.manifest.holdout.path
        return holdout.decode(file, VerificationError, first=first)
