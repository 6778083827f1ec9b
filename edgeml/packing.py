"""From what `edgeml convert` left in a folder to a package; the same input gives the same bytes."""

from dataclasses import replace
from pathlib import Path

from edgeml import documents, holdout, names, package
from edgeml.contract import Contract
from edgeml.conversion import ConversionReport, Provenance, VariantReport
from edgeml.errors import ContractError, InputError, PackageError, ParityError, UndecidedError
from edgeml.holdout import Holdout, Proven
from edgeml.inspection import CONVERSION
from edgeml.limits import LIMITS
from edgeml.manifest import File, Manifest, Requirement, Variant
from edgeml.parity.shipped import misfit


def pack(
    folder: Path,
    name: str,
    version: str,
    target: Path,
    *,
    blob_bytes: int = LIMITS.blob_bytes,
    passed_only: bool = False,
) -> str:
    """Writes the package of `folder` (see edgeml.conversion) and returns its manifest's SHA-256.

    passed_only: leave out the variants that did not pass instead of refusing them all.
    Raises InputError when the folder is not a conversion or a name or size is not allowed,
    ParityError when a variant failed parity, UndecidedError when none did but of one nobody can
    tell yet, PackageError or ContractError when contract, holdout
    and report do not fit together, StorageError when `target` cannot be written.
    """
    names.check("name", name)
    names.check("version", version)
    if not 1 <= blob_bytes <= LIMITS.blob_bytes_max:
        raise InputError(
            f"A blob of {blob_bytes} bytes is not possible; choose from 1 to "
            f"{LIMITS.blob_bytes_max}."
        )
    report = documents.decode(
        _read(folder, "report.json"), ConversionReport, f"{folder / 'report.json'}", InputError
    )
    chosen = _passed(report, passed_only)
    contract_bytes = _read(folder, "contract.json")
    contract = documents.decode(contract_bytes, Contract, f"{folder / 'contract.json'}", InputError)
    samples = holdout.decode(_read(folder, "holdout.npz"))
    _check(contract, samples, chosen)
    provenance = _read(folder, "provenance.json")
    documents.decode(provenance, Provenance, f"{folder / 'provenance.json'}", InputError)
    members: dict[str, bytes | Path] = {
        "contract.json": contract_bytes,
        "holdout.npz": holdout.encode(_kept(samples, chosen)),
        CONVERSION: documents.encode(report),
        "provenance.json": provenance,
    }
    variants = tuple(_variant(folder, each, blob_bytes, members) for each in chosen)

    def described(path: str) -> File:
        data = members[path]
        assert isinstance(data, bytes)
        return package.describe(path, data, blob_bytes)

    manifest = Manifest(
        name=name,
        version=version,
        blob_bytes=blob_bytes,
        contract=described("contract.json"),
        holdout=described("holdout.npz"),
        variants=variants,
        reports=(described(CONVERSION),),
        provenance=described("provenance.json"),
    )
    return package.write(target, manifest, members)


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise InputError(
            f"{folder} is not a folder that 'edgeml convert' made: {name} cannot be read "
            f"({error.strerror}); give the folder that was named by --out."
        ) from error


def _passed(report: ConversionReport, passed_only: bool) -> list[VariantReport]:
    passed = [variant for variant in report.variants if variant.passed]
    failed = _not_passed(report)
    differs = any(variant.answer == "differs" for variant in report.variants)
    error = ParityError if differs or not failed else UndecidedError
    if not passed:
        raise error(
            f"No variant of {report.source} passed parity ({failed or 'none was made'}); read "
            "report.json and convert again."
        )
    if failed and not passed_only:
        raise error(
            f"Not every variant passed parity: {failed}; convert again, or leave these out with "
            "--passed-only."
        )
    return passed


def _not_passed(report: ConversionReport) -> str:
    """Which did not, and of which nobody can tell yet; empty where all passed."""
    said = {
        "differs": "did not pass",
        "cannot tell": "cannot be told yet (the report says what would decide)",
    }
    parts = [
        f"{', '.join(ids)} {words}"
        for answer, words in said.items()
        if (ids := [variant.id for variant in report.variants if variant.answer == answer])
    ]
    return " and ".join(parts)


def _check(contract: Contract, samples: Holdout, variants: list[VariantReport]) -> None:
    """Contract, holdout and report speak of the same tensors, variants and engines."""
    for check, tensors in (
        (contract.check_inputs, samples.inputs),
        (contract.check_expected, samples.expected),
    ):
        try:
            check(tensors)
        except ContractError as error:
            raise PackageError(
                f"The holdout does not satisfy the contract: {error} Then convert again."
            ) from error
    inputs = {tensor.name for tensor in contract.inputs}
    outputs = {tensor.name for tensor in contract.outputs}
    for tensor in contract.outputs:
        if tensor.name not in samples.spreads:
            raise PackageError(f"The holdout has no spread of {tensor.name!r}; convert again.")
        wrong = misfit(tensor.roles, samples.spreads[tensor.name], samples.expected[tensor.name])
        if wrong is not None:
            raise PackageError(f"The holdout's {tensor.name!r} {wrong}; convert again.")
    for variant in variants:
        for proven in _proven(variant):
            lacking = outputs - samples.noise.get(proven, {}).keys()
            if lacking:
                raise PackageError(
                    f"The holdout does not say how {variant.id} did on {proven[1]} in "
                    f"{min(lacking)!r}; convert again."
                )
        if variant.inputs.keys() != inputs or variant.outputs.keys() != outputs:
            raise PackageError(
                f"{variant.id} does not name the contract's inputs and outputs; convert again."
            )


def _proven(variant: VariantReport) -> list[Proven]:
    return [(variant.id, requirement.engine) for requirement in requirements(variant)]


def _kept(samples: Holdout, variants: list[VariantReport]) -> Holdout:
    """Only what is packed: a device must not find the noise of a variant that is not there."""
    chosen = [proven for variant in variants for proven in _proven(variant)]
    return replace(samples, noise={proven: samples.noise[proven] for proven in chosen})


def requirements(report: VariantReport) -> tuple[Requirement, ...]:
    """Every engine that agreed and that no finding speaks against, at the first level that did.

    Levels stand in the report from the highest down.
    """
    excluded = {
        engine
        for finding in report.findings
        if finding.severity == "error"
        for engine in finding.engines
    }
    chosen: dict[str, Requirement] = {}
    for row in report.engines:
        if row.passed and row.engine not in excluded:
            requirement = Requirement(
                engine=row.engine, version=row.version, optimisation=row.optimisation
            )
            chosen.setdefault(row.engine, requirement)
    return tuple(chosen.values())


def _variant(
    folder: Path, report: VariantReport, blob_bytes: int, members: dict[str, bytes | Path]
) -> Variant:
    """The manifest's entry; adds the variant's files to `members`."""
    files: list[File] = []
    for name in sorted(report.files):
        path = f"variants/{name}"
        members[path] = folder / name
        described = package.describe(path, _read(folder, name), blob_bytes)
        if name not in report.sha256:
            raise PackageError(
                f"The report does not say what {name} was when parity was shown; convert it again."
            )
        if described.sha256 != report.sha256[name]:
            raise ParityError(
                f"{folder / name} was changed after its parity was shown; convert it again."
            )
        files.append(described)
    requires = requirements(report)
    if not requires:
        raise ParityError(
            f"{report.id} is said to have passed, but on no engine; convert it again."
        )
    return Variant(
        id=report.id,
        format=report.format,
        precision=report.precision,
        entry=f"variants/{report.entry}",
        files=tuple(files),
        inputs=report.inputs,
        outputs=report.outputs,
        requires=requires,
        batch=report.batch,
    )
