"""`edgeml bisect`: the first tensor at which a variant of a conversion goes wrong."""

from pathlib import Path
from tempfile import TemporaryDirectory

from edgeml import documents, holdout
from edgeml.contract import Contract, as_reals
from edgeml.conversion import ConversionReport, VariantReport
from edgeml.documents import SCHEMA, Strict
from edgeml.errors import InputError
from edgeml.evidence import TensorFidelity
from edgeml.manifest import Format
from edgeml_converters.bisect.culprit import FLOORS_DB, culprit
from edgeml_converters.bisect.kept import read_sources
from edgeml_converters.formats.npz import save
from edgeml_converters.outcome.place import REPORT
from edgeml_converters.progress import Progress, silent
from edgeml_converters.sources.rows import spread
from edgeml_converters.steps.messages import Trace, Traced
from edgeml_converters.steps.process import ask_once

# Of the float file that variants were made of: DIR/reference/<format>/.
_REFERENCE: dict[Format, str] = {"onnx": "model.onnx", "tflite": "model.tflite"}


class Bisection(Strict, frozen=True, kw_only=True):
    """`edgeml bisect --json`: each tensor of a variant against the float file's.

    variant: its id.
    engine: the one that ran both files; empty where there is only one for the format.
    samples: how many of the holdout.
    floor_db: a tensor below it and below all before it is the culprit; see bisect.culprit.
    tensors: in order of execution.
    culprit: the first whose signal to noise drops; null where none does.
    """

    variant: str
    engine: str
    samples: int
    floor_db: float
    tensors: tuple[TensorFidelity, ...]
    culprit: TensorFidelity | None
    schema: int = SCHEMA


def bisect(
    folder: Path,
    variant: str,
    *,
    samples: int = 8,
    floor_db: float | None = None,
    timeout_seconds: float = 600.0,
    progress: Progress = silent,
) -> Bisection:
    """Traces the variant of that id in `folder`, which `edgeml convert` wrote.

    floor_db: None for that of the variant's precision. Raises InputError for a folder or variant
    that cannot be used, ConversionError when a file cannot be run.
    """
    report = _report(folder, variant)
    reference = folder / "reference" / report.format / _REFERENCE[report.format]
    for file in (folder / report.entry, reference):
        if not file.is_file():
            raise InputError(f"{file} is missing; convert the model again.")
    sources = reference.with_name("sources.json")
    read_sources(sources)  # what is wrong with it is said here, and not by the child
    engine = _engine(report)
    floor_db = FLOORS_DB[report.precision] if floor_db is None else floor_db
    with TemporaryDirectory(prefix="edgeml-bisect-") as temporary:
        inputs = Path(temporary) / "inputs.npz"
        traced_samples = _save_inputs(folder, report, samples, inputs)
        request = Trace(
            format=report.format,
            suspect=str(folder / report.entry),
            reference=str(reference),
            inputs=str(inputs),
            sources=str(sources) if sources.is_file() else None,
            engine=engine,
        )
        with progress(f"trace {variant}"):
            traced = ask_once(f"tracing {variant}", request, Traced, timeout_seconds)
    return Bisection(
        variant=variant,
        engine=engine,
        samples=traced_samples,
        floor_db=floor_db,
        tensors=traced.tensors,
        culprit=culprit(traced.tensors, floor_db),
    )


def _report(folder: Path, variant: str) -> VariantReport:
    path = folder / REPORT
    if not path.is_file():
        raise InputError(f"There is no {path}; name a folder that 'edgeml convert' wrote.")
    report = documents.decode(path.read_bytes(), ConversionReport, str(path), InputError)
    by_id = {row.id: row for row in report.variants}
    if variant not in by_id:
        raise InputError(
            f"{path} has no variant {variant!r}; use one of {', '.join(by_id) or 'none'}."
        )
    row = by_id[variant]
    if not row.entry:
        raise InputError(f"{variant} has no file, since no route gave one; see {path}.")
    if row.precision == "fp32":
        raise InputError(
            f"{variant} is the float file itself, with nothing to compare it to; bisect a variant "
            "of lower precision."
        )
    return row


def _contract(folder: Path) -> Contract:
    path = folder / "contract.json"
    if not path.is_file():
        raise InputError(f"There is no {path}; convert the model again.")
    return documents.decode(path.read_bytes(), Contract, str(path), InputError)


def _engine(report: VariantReport) -> str:
    """For TFLite the engine that disagrees, since each computes in its own way; else empty."""
    if report.format != "tflite":
        return ""
    wrong = [row.engine for row in report.engines if row.error is None and not row.passed]
    return wrong[0] if wrong else ""


def _save_inputs(folder: Path, report: VariantReport, samples: int, into: Path) -> int:
    """Samples of the holdout by the file's names, written to `into`; returns how many."""
    path = folder / "holdout.npz"
    if not path.is_file():
        raise InputError(f"There is no {path}; convert the model again.")
    data = holdout.decode(path.read_bytes(), InputError)
    missing = report.inputs.keys() - data.inputs.keys()
    if missing:
        raise InputError(
            f"{path} holds no input {', '.join(sorted(missing))}; convert the model again."
        )
    rows = spread(data.samples, samples)
    inputs = as_reals(_contract(folder).inputs, data.inputs)
    save(into, {theirs: inputs[name][rows] for name, theirs in report.inputs.items()})
    return len(rows)
