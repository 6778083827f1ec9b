"""What `edgeml convert` leaves in its folder and `edgeml package` takes from there.

DIR/report.json      ConversionReport
DIR/contract.json    Contract
DIR/holdout.npz      Holdout: the data with the framework's own answers
DIR/provenance.json  Provenance
DIR/<variant id>/    the files of one variant, for example onnx-fp32/model.onnx and weights.bin
"""

import msgspec

from edgeml.documents import SCHEMA, Strict
from edgeml.manifest import Format
from edgeml.parity import OutputParity, Tolerance


class RouteTried(Strict, frozen=True, kw_only=True):
    """One step on the way to a variant, in the order tried; error is None where it worked."""

    route: str
    error: str | None = None


class EngineParity(Strict, frozen=True, kw_only=True):
    """One variant on one engine: each output, the verdict, or why the engine could not run it."""

    engine: str
    version: str
    outputs: tuple[OutputParity, ...]
    passed: bool
    error: str | None = None


class VariantReport(Strict, frozen=True, kw_only=True):
    """One variant. files and entry are relative to DIR; inputs and outputs map the contract's names
    to the engine's; passed: at least one engine ran it, and every engine that ran it agreed."""

    id: str
    format: Format
    precision: str
    passed: bool
    tolerance: Tolerance
    routes: tuple[RouteTried, ...]
    engines: tuple[EngineParity, ...] = ()
    files: tuple[str, ...] = ()
    entry: str = ""
    inputs: dict[str, str] = msgspec.field(default_factory=dict)
    outputs: dict[str, str] = msgspec.field(default_factory=dict)
    batch: int | None = None


class ConversionReport(Strict, frozen=True, kw_only=True):
    """`report.json`: no times and no paths of one machine, so two conversions compare equal."""

    source: str
    framework: str
    samples: int
    variants: tuple[VariantReport, ...]
    tools: dict[str, str]
    schema: int = SCHEMA


class Provenance(Strict, frozen=True, kw_only=True):
    """`provenance.json`: where the model came from.

    source_sha256: of the source file, or of the sorted digests of a folder; None for a module.
    git_commit, git_dirty: of the checkout that holds the source; None outside of one.
    data_sha256: of the data file.
    """

    source: str
    source_sha256: str | None
    data_sha256: str
    git_commit: str | None
    git_dirty: bool | None
    tools: dict[str, str]
    schema: int = SCHEMA
