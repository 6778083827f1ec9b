"""What a package says about itself, as one document: `edgeml inspect --json`."""

from pathlib import Path

from edgeml import documents
from edgeml.contract import Contract
from edgeml.conversion import ConversionReport, Provenance
from edgeml.documents import SCHEMA, Strict
from edgeml.errors import PackageError
from edgeml.manifest import Manifest
from edgeml.package import Package
from edgeml.parity import Tolerance

CONVERSION = "reports/conversion.json"


class HoldoutSummary(Strict, frozen=True, kw_only=True):
    """The shipped holdout.

    samples: how many.
    labels: whether the true classes are known.
    tolerances: by variant.
    """

    samples: int
    labels: bool
    tolerances: dict[str, Tolerance]


class Inspection(Strict, frozen=True, kw_only=True):
    """`edgeml inspect --json`: what a package says about itself.

    file, size: its name without folders, and its bytes.
    manifest_sha256: the identity of the package.
    manifest, contract, provenance: its members.
    holdout: what it holds, in figures.
    conversion: null where its report was not packed.
    """

    file: str
    size: int
    manifest_sha256: str
    manifest: Manifest
    contract: Contract
    holdout: HoldoutSummary
    conversion: ConversionReport | None
    provenance: Provenance
    schema: int = SCHEMA


def inspect(path: Path) -> Inspection:
    """Reads, and checks against their digests, all members but the variants' own files.

    Raises InputError when there is no such file and PackageError when it is not a whole package.
    """
    with Package(path) as package:
        manifest = package.manifest
        samples = package.holdout()
        reports = {file.path: file for file in manifest.reports}
        return Inspection(
            file=path.name,
            size=path.stat().st_size,
            manifest_sha256=package.sha256,
            manifest=manifest,
            contract=package.contract(),
            holdout=HoldoutSummary(
                samples=samples.samples,
                labels=samples.labels is not None,
                tolerances=dict(samples.tolerances),
            ),
            conversion=documents.decode(
                package.read(reports[CONVERSION]), ConversionReport, CONVERSION, PackageError
            )
            if CONVERSION in reports
            else None,
            provenance=documents.decode(
                package.read(manifest.provenance), Provenance, "provenance.json", PackageError
            ),
        )
