"""`convert`: from a framework's model to variants whose parity is shown, in one folder."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir, mkdtemp

from edgeml.conversion import ConversionReport, VariantReport
from edgeml.errors import ConversionError, EdgemlError, InputError, ParityError, UndecidedError
from edgeml.faults import Fault
from edgeml.manifest import Format, Precision
from edgeml_converters.asked import check_asked
from edgeml_converters.lint import lint
from edgeml_converters.options import Options
from edgeml_converters.outcome.claims import abandoned, claimed, remove
from edgeml_converters.outcome.place import REPORT, check, check_apart
from edgeml_converters.parity.own import parse_comparison
from edgeml_converters.parity.rule import Rule, parse_allowed
from edgeml_converters.plugins import check_kinds, plugins
from edgeml_converters.progress import Progress, silent
from edgeml_converters.report.verdict import ENDS, End, end_of
from edgeml_converters.roles.given import parse_roles
from edgeml_converters.sources.data import Data, read
from edgeml_converters.sources.source import Source, parse, parse_callable
from edgeml_converters.sources.synthetic import write_samples
from edgeml_converters.steps.messages import Done, Gather, Loaded
from edgeml_converters.steps.model import ModelProcess
from edgeml_converters.steps.process import ask_once
from edgeml_converters.steps.processes import Processes

_WORKSPACE = "edgeml-convert-"


def convert(
    source_text: str,
    targets: Sequence[Format],
    data_file: Path | None,
    out: Path,
    precisions: Sequence[Precision] = ("fp32",),
    options: Options | None = None,
    progress: Progress = silent,
) -> ConversionReport:
    """Writes `out` as edgeml.conversion describes it and returns its report.

    data_file: an .npz, a contract.json to make inputs of, or None for the sample inputs that a
        callable returns beside its model.
    Raises InputError for a source, data or folder that cannot be used, ConversionError when the
    model itself crashes or hangs, ParityError when it disagrees with the data's `expected/`,
    FetchError when MLflow's server does not answer. What happened to each variant stands in the
    report; `verdict` raises it.
    """
    options = options or Options()
    check(out)
    check_asked(options.asked, targets, precisions)
    rule = Rule(
        parse_roles(options.outputs),
        allowed=parse_allowed(options.tolerances),
        own=parse_comparison(options.compare),
    )
    _load_plugins()
    _check_calibrator(targets, precisions, options)
    with ExitStack() as stack:
        for left in abandoned(Path(gettempdir()), _WORKSPACE):
            remove(left)
        workspace = Path(stack.enter_context(TemporaryDirectory(prefix=_WORKSPACE)))
        stack.enter_context(claimed(workspace))
        data = _read_data(data_file, workspace, options)
        calibration = _read_calibration(precisions, workspace, options)
        downloads = workspace / "downloads"
        downloads.mkdir()
        with progress(f"fetch {source_text}") if _is_remote(source_text) else nullcontext():
            source = parse(source_text, options.weights, downloads)
        _check_file(source)
        weights = None if source.weights is None else Path(source.weights)
        check_apart(out, [source.path, weights, data_file, options.calibration_data])
        model = stack.enter_context(
            ModelProcess(
                source,
                workspace,
                options.timeout_seconds,
                options.memory_bytes,
                options.layout,
                options.asked,
                () if data is None else tuple(data.inputs),
            )
        )
        with progress(f"load {source.label}"):
            loaded = _load(model)
        if data is None:
            data = _read_samples(loaded, model, options)
        from edgeml_converters.pipeline import Pipeline

        processes = stack.enter_context(
            Processes(workspace, options.timeout_seconds, options.memory_bytes)
        )
        pipeline = Pipeline(
            source, data, calibration, model, loaded, processes, options, rule, progress
        )
        return pipeline.run(targets, precisions, out)


def _load_plugins() -> None:
    """Whatever other packages add: what cannot be loaded is said before minutes have gone by."""
    from edgeml_converters.bisect.repairs import RepairRule
    from edgeml_converters.lint.rule import LintRule
    from edgeml_converters.parity.comparisons import Comparison
    from edgeml_converters.quantise.calibrators import calibrators
    from edgeml_converters.routes.table import routes

    check_kinds()
    routes()
    calibrators("onnx")
    plugins("repairs", RepairRule)
    plugins("lint_rules", LintRule)
    plugins("comparisons", Comparison)


def _check_calibrator(
    targets: Sequence[Format], precisions: Sequence[Precision], options: Options
) -> None:
    if options.calibrator is None:
        return
    from edgeml_converters.quantise.calibrators import calibrators

    if "int8" not in precisions:
        raise InputError("--calibrator is for int8, which --precision does not name; add it.")
    for target in targets:
        if options.calibrator not in calibrators(target):
            raise InputError(
                f"--calibrator {options.calibrator!r} is none for {target}; use one of "
                f"{', '.join(calibrators(target))}."
            )


def _load(model: ModelProcess) -> Loaded:
    """Loads the model, and meanwhile imports what shows parity here, which takes a second."""
    with ThreadPoolExecutor(1) as beside:
        importing = beside.submit(import_module, "edgeml_converters.pipeline")
        loaded = model.load()
        importing.result()
        return loaded


def _read_data(data_file: Path | None, workspace: Path, options: Options) -> Data | None:
    if data_file is None:
        return None
    if data_file.suffix == ".json":
        files = write_samples(data_file, workspace / f"{data_file.stem}.npz")
    else:
        files = _gathered(data_file, workspace, options)
    return read(files, options.slice_by, options.sequence_by, called=data_file, text=True)


def _read_calibration(
    precisions: Sequence[Precision], workspace: Path, options: Options
) -> Data | None:
    if options.calibration_data is None:
        return None
    if "int8" not in precisions:
        raise InputError(
            "--calibration-data is for int8, which --precision does not name; add it or leave the "
            "data out."
        )
    files = _gathered(options.calibration_data, workspace, options)
    return read(
        files,
        sequence_by=options.sequence_by,
        called=options.calibration_data,
        one_sequence=True,
    )


def _gathered(data_file: Path, workspace: Path, options: Options) -> Path:
    """The folder of the samples that a callable yields; files and folders as they are."""
    source = parse_callable(str(data_file))
    if source is None:
        return data_file
    folder = Path(mkdtemp(prefix="samples-", dir=workspace))
    request = Gather(source=source, folder=str(folder))
    ask_once(f"taking samples of {source.label}", request, Done, options.timeout_seconds)
    return folder


def _is_remote(source_text: str) -> bool:
    return source_text.startswith("mlflow:")


def _read_samples(loaded: Loaded, model: ModelProcess, options: Options) -> Data:
    """The sample inputs that the callable returned beside its model, in place of a data file."""
    if not loaded.samples:
        raise InputError(
            "There is no data to show parity on; give --data FILE.npz, or let the callable return "
            "(model, samples)."
        )
    called = Path("the samples that came with the model")
    return read(model.samples, options.slice_by, options.sequence_by, called)


def _check_file(source: Source) -> None:
    """Lints a file that is converted already, whose own answers will be the reference.

    Raises InputError for an error that is not of one engine alone.
    """
    if source.kind not in ("onnx", "tflite"):
        return
    for finding in lint(source.kind, Path(source.location)):
        if finding.severity == "error" and not finding.engines:
            raise InputError(f"{source.label} cannot be used: {finding.fault}: {finding.message}")


def verdict(report: ConversionReport, out: Path) -> None:
    """Raises ConversionError where a variant has no file or no engine runs it, else ParityError
    where one differs, else UndecidedError where of one nobody can tell; the sentence names every
    variant that failed."""
    failed = [variant for variant in report.variants if not variant.passed]
    if not failed:
        return
    first = min(failed, key=lambda variant: list(ENDS).index(end_of(variant)))
    words = {variant.id: f"{variant.id} {ENDS[end_of(variant)]}" for variant in failed}
    others = "".join(f"{words[variant.id]}; " for variant in failed if variant is not first)
    why = _reason(first, failed)
    raise _ERRORS[end_of(first)](
        f"{words[first.id]} ({why}); {others}all figures are in {out / REPORT}."
    )


_ERRORS: dict[End, type[EdgemlError]] = {
    "not made": ConversionError,
    "not run": ConversionError,
    "differs": ParityError,
    "cannot tell": UndecidedError,
    "not seen": UndecidedError,  # since none is installed
}


def _reason(variant: VariantReport, failed: Sequence[VariantReport]) -> str:
    """Its faults, or the variant whose they are where it was not made for them."""
    for base in failed:
        if base.files and not variant.files and base.findings == variant.findings:
            if base.format == variant.format:
                return f"{base.id}, of which it is made, {ENDS[end_of(base)]}: {_faults(base)}"
    return _faults(variant)


def _faults(variant: VariantReport) -> str:
    """Each fault with its first message; without any, what routes, calibrators, engines say."""
    messages: dict[str, str] = {}
    for finding in variant.findings:
        if finding.severity == "error":
            messages.setdefault(finding.fault, finding.message.rstrip("."))
    if Fault.FOREIGN_OP in messages:  # for which engines refuse it, in many words
        messages.pop(Fault.ENGINE_REFUSED, None)
    if messages:
        return "; ".join(f"{fault}: {message}" for fault, message in messages.items())
    errors = _said_once((tried.route, tried.error) for tried in variant.routes)
    errors += _said_once((tried.name, tried.error) for tried in variant.calibrators)
    errors += dict.fromkeys(f"{row.engine}: {row.error}" for row in variant.engines if row.error)
    return "; ".join(errors) or "no engine for it is installed; see 'edgeml doctor'"


def _said_once(tried: Iterable[tuple[str, str | None]]) -> list[str]:
    """What failed with an error, each error with the names of all whose it is."""
    names: dict[str, list[str]] = {}
    for name, error in tried:
        if error:
            names.setdefault(error, []).append(name)
    return [f"{', '.join(of)}: {error}" for error, of in names.items()]
