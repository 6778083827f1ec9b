"""What `edgeml convert` leaves in its folder and `edgeml package` takes from there.

DIR/report.json      ConversionReport
DIR/contract.json    Contract
DIR/holdout.npz      Holdout: the data with the framework's own answers
DIR/provenance.json  Provenance
DIR/<variant id>/    the files of one variant, for example onnx-fp32/model.onnx and weights.bin
"""

import msgspec

from edgeml.documents import SCHEMA, Strict
from edgeml.evidence import Evidence, TensorFidelity
from edgeml.faults import Fault, Finding
from edgeml.manifest import Format, Optimisation, Precision
from edgeml.parity.answers import Answer, OutputParity
from edgeml.parity.roles import Role


class RouteTried(Strict, frozen=True, kw_only=True):
    """One way to a variant, in the order tried.

    route: its name in edgeml_converters.routes.table.
    error: why its file was not taken; null where it was.
    """

    route: str
    error: str | None = None


class EngineParity(Strict, frozen=True, kw_only=True):
    """One variant on one engine.

    engine, version: the library that ran it.
    optimisation: the level of graph optimisation that it ran at.
    outputs: the figures of each output; empty where it did not run.
    answer: of all outputs; differs also where an invariant is broken or it did not run.
    error: why the engine could not run it; null where it did.
    evidence: parity in depth; null where it did not run or was not asked for.
    fed_back: each output again, with the states fed back for as many steps as the data has; at the
        level that will be used, where an output is a state.
    """

    engine: str
    version: str
    outputs: tuple[OutputParity, ...]
    answer: Answer
    error: str | None = None
    optimisation: Optimisation = "all"
    evidence: Evidence | None = None
    fed_back: tuple[OutputParity, ...] = ()

    @property
    def passed(self) -> bool:
        return self.answer == "same"

    @property
    def judged(self) -> tuple[tuple[str, OutputParity], ...]:
        """Each output, and again where it was fed back, with what people call it."""
        fed_back = [(f"{output.name} fed back", output) for output in self.fed_back]
        return (*((output.name, output) for output in self.outputs), *fed_back)

    @property
    def near(self) -> bool:
        """Whether no figure seen is beyond what differs, be the samples enough to tell or not."""
        figures = [figure for output in self.outputs for figure in output.figures]
        return self.answer != "differs" and not any(figure.beyond for figure in figures)

    def likely(self, width: float) -> bool:
        """Whether other samples would say the same of it too, see JudgedFigure."""
        return all(figure.likely(width) for o in self.outputs for figure in o.figures)

    @property
    def likely_fed_back(self) -> bool:
        """As `likely`; states are fed back over all samples that there are."""
        return all(figure.likely(1.0) for o in self.fed_back for figure in o.figures)

    @property
    def drifts(self) -> bool:
        """Whether a figure seen is beyond what differs where states are fed back."""
        return any(figure.beyond for output in self.fed_back for figure in output.figures)


class CalibratorTried(Strict, frozen=True, kw_only=True):
    """One way to find the ranges of activations for static int8.

    name: minmax, entropy, percentile and so on, see edgeml_converters.quantise.
    snr_db: signal to noise on data that the calibration did not see; null where it failed.
    error: why it gave no file; null where it did.
    """

    name: str
    snr_db: float | None = None
    error: str | None = None


class RepairTried(Strict, frozen=True, kw_only=True):
    """One change that was tried to bring a variant nearer to the model.

    faults: what was wrong before.
    action: what was changed, in words.
    snr_db: signal to noise with it; null where it failed.
    kept: whether the variant that is shipped has it.
    """

    faults: tuple[Fault, ...]
    action: str
    snr_db: float | None
    kept: bool


class VariantReport(Strict, frozen=True, kw_only=True):
    """One variant.

    id, format, precision: as in the manifest.
    answer: same where at least one engine agrees with the model, and nothing found speaks against
        the file.
    routes: the ways that were tried.
    engines: each engine of the format that is installed, at each level of optimisation.
    files: relative to DIR; empty where no route gave one.
    entry: the one of them that an engine opens.
    inputs, outputs: the contract's name of each tensor -> the file's name of it.
    batch: the batch size that the file is frozen to, or null where any will do.
    size: of all files in bytes.
    sha256: of each file when parity was shown; what was changed since is not packed.
    coverage: quantised share of the weights' bytes in per cent; null for fp32.
    calibrators: those that were tried for static int8, the best first.
    ranges: of the activations that the calibration found, by the file's tensor.
    findings: what is wrong or may be, by name.
    repairs: what was tried to mend it.
    tensors: how far each tensor inside is from its reference, in order of execution.
    """

    id: str
    format: Format
    precision: Precision
    answer: Answer
    routes: tuple[RouteTried, ...]
    engines: tuple[EngineParity, ...] = ()
    files: tuple[str, ...] = ()
    entry: str = ""
    inputs: dict[str, str] = msgspec.field(default_factory=dict)
    outputs: dict[str, str] = msgspec.field(default_factory=dict)
    batch: int | None = None
    size: int = 0
    sha256: dict[str, str] = msgspec.field(default_factory=dict)
    coverage: float | None = None
    calibrators: tuple[CalibratorTried, ...] = ()
    ranges: dict[str, tuple[float, float]] = msgspec.field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    repairs: tuple[RepairTried, ...] = ()
    tensors: tuple[TensorFidelity, ...] = ()

    @property
    def passed(self) -> bool:
        return self.answer == "same"


class ConversionReport(Strict, frozen=True, kw_only=True):
    """`report.json`: no times and no paths of one machine, so two conversions compare equal.

    source: as it was named, without folders.
    framework: torch or tensorflow; onnx or tflite for a file that was converted already.
    samples: how many the parity was shown on.
    calibration_samples: how many others static int8 was calibrated on.
    choice_samples: how many others calibrators and repairs were chosen by.
    roles: of each output, as it was judged; each says who said so.
    allowed: the limits that --tolerance set in place of the rule's, by `output:figure`.
    compared_by: the callable that decided in place of all figures; empty where none did.
    assumed: what was done to the model or the data without being told, a sentence each.
    variants: in the order of --to.
    tools: the version of everything that took part.
    files: all that the conversion wrote, this report too, by their names in its folder.
    """

    source: str
    framework: str
    samples: int
    variants: tuple[VariantReport, ...]
    tools: dict[str, str]
    calibration_samples: int = 0
    choice_samples: int = 0
    roles: dict[str, tuple[Role, ...]] = msgspec.field(default_factory=dict)
    allowed: dict[str, float] = msgspec.field(default_factory=dict)
    compared_by: str = ""
    assumed: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    schema: int = SCHEMA


class Provenance(Strict, frozen=True, kw_only=True):
    """`provenance.json`: where the model came from.

    source: as it was named, without folders.
    source_sha256: of the source file, or of the sorted digests of a folder, and of an .onnx file's
        with the weights beside it; null for a module.
    data_sha256: of the data file, or of the sample inputs that came with the model.
    calibration_sha256: of the data that static int8 was calibrated on; null where it was a part of
        the data file.
    git_commit: of the checkout that holds the source; null outside of one.
    git_dirty: whether files in that checkout were changed.
    tools: the version of everything that took part.
    weights_sha256: of the state dict given by --weights; null without.
    origin: what a registry says: mlflow_model, mlflow_version and mlflow_run, or dvc_md5.
    """

    source: str
    source_sha256: str | None
    data_sha256: str
    git_commit: str | None
    git_dirty: bool | None
    tools: dict[str, str]
    weights_sha256: str | None = None
    calibration_sha256: str | None = None
    origin: dict[str, str] = msgspec.field(default_factory=dict)
    schema: int = SCHEMA
