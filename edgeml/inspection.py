"""What a package says about itself, as one document: `edgeml inspect --json`."""

from pathlib import Path

from edgeml import documents
from edgeml.contract import Contract
from edgeml.conversion import ConversionReport, Provenance
from edgeml.documents import SCHEMA, Strict
from edgeml.errors import PackageError
from edgeml.holdout import Holdout
from edgeml.manifest import Manifest
from edgeml.package import Package
from edgeml.parity.shipped import decibels, limits_of

CONVERSION = "reports/conversion.json"


class SelfTest(Strict, frozen=True, kw_only=True):
    """What a device asks of one output, of a variant on an engine.

    variant, engine, output: which.
    channels: how many are judged, each by itself.
    expected_db: the noise that the variant had there on the holdout, or is expected to have, in
        spreads of the channel; of the noisiest channel.
    limit_db: the noise that is taken at most, of that channel.
    """

    variant: str
    engine: str
    output: str
    channels: int
    expected_db: float
    limit_db: float


class HoldoutSummary(Strict, frozen=True, kw_only=True):
    """The shipped holdout.

    samples: how many.
    labels: whether the true classes are known.
    tests: what a device that runs all of the samples compares them by.
    """

    samples: int
    labels: bool
    tests: tuple[SelfTest, ...]


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
        samples, contract = package.holdout(), package.contract()
        reports = {file.path: file for file in manifest.reports}
        return Inspection(
            file=path.name,
            size=path.stat().st_size,
            manifest_sha256=package.sha256,
            manifest=manifest,
            contract=contract,
            holdout=_summary(samples, contract),
            conversion=documents.decode(
                package.read(reports[CONVERSION]), ConversionReport, CONVERSION, PackageError
            )
            if CONVERSION in reports
            else None,
            provenance=documents.decode(
                package.read(manifest.provenance), Provenance, "provenance.json", PackageError
            ),
        )


def _summary(samples: Holdout, contract: Contract) -> HoldoutSummary:
    roles = {tensor.name: tensor.roles for tensor in contract.outputs}
    tests: list[SelfTest] = []
    for (variant, engine), noise in sorted(samples.noise.items()):
        for output, expected in sorted(noise.items()):
            limit = limits_of(
                roles.get(output, ()), samples.spreads[output], expected, samples.expected[output]
            )
            noisiest = int(expected[-1].argmax())
            tests.append(
                SelfTest(
                    variant=variant,
                    engine=engine,
                    output=output,
                    channels=expected.shape[1],
                    expected_db=decibels(float(expected[-1, noisiest]) ** 2),
                    limit_db=decibels(float(limit[noisiest])),
                )
            )
    return HoldoutSummary(
        samples=samples.samples, labels=samples.labels is not None, tests=tuple(tests)
    )
