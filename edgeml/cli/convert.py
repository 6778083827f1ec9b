"""`edgeml convert SOURCE`: a framework's model to ONNX and TFLite, with parity shown."""

from typing import cast, get_args

from edgeml.cli.conversion_file import ConfigOption
from edgeml.cli.convert_options import (
    AllowFrozenOption,
    AsJsonOption,
    BatchAxisOption,
    CalibrationDataOption,
    CalibratorOption,
    CompareOption,
    DataOption,
    FreeOption,
    HoldoutOption,
    IoOption,
    KeepFloatOption,
    LayoutOption,
    MemoryOption,
    MetricOption,
    OpsetOption,
    OutOption,
    OutputOption,
    PerTensorOption,
    PrecisionOption,
    ProfileOption,
    RepairOption,
    SequenceByOption,
    SliceByOption,
    SourceArgument,
    StaticOption,
    TimeoutOption,
    ToleranceOption,
    ToOption,
    VerboseOption,
    WeightsOption,
)
from edgeml.errors import InputError
from edgeml.manifest import Format, Precision


def convert_command(
    source: SourceArgument,
    to: ToOption,
    out: OutOption,
    config: ConfigOption = None,
    data: DataOption = None,
    precision: PrecisionOption = None,
    calibration_data: CalibrationDataOption = None,
    calibrator: CalibratorOption = None,
    keep_float: KeepFloatOption = None,
    per_tensor: PerTensorOption = False,
    io: IoOption = None,
    layout: LayoutOption = None,
    opset: OpsetOption = None,
    free: FreeOption = None,
    batch_axis: BatchAxisOption = None,
    static: StaticOption = False,
    weights: WeightsOption = None,
    metric: MetricOption = None,
    slice_by: SliceByOption = None,
    sequence_by: SequenceByOption = None,
    output: OutputOption = None,
    tolerance: ToleranceOption = None,
    compare: CompareOption = None,
    allow_frozen: AllowFrozenOption = False,
    repair: RepairOption = True,
    profile: ProfileOption = None,
    as_json: AsJsonOption = False,
    verbose: VerboseOption = False,
    timeout: TimeoutOption = 600,
    memory: MemoryOption = None,
    holdout: HoldoutOption = 64,
) -> None:
    """Convert a model and show, on data, that each variant says the same on each engine.

    Exit codes: 0 every variant says the same, 2 bad input, 3 a format could not be made or no
    engine runs it, 4 a variant differs or the model disagrees with expected/, 8 MLflow's server
    does not answer, 9 the disk, 13 whether a variant says the same cannot be told yet.
    """
    targets = cast(list[Format], _listed("--to", to, get_args(Format)))
    precisions = cast(
        list[Precision], _listed("--precision", precision or ["fp32"], get_args(Precision))
    )
    from rich.console import Console

    from edgeml import documents
    from edgeml.cli.steps import Steps
    from edgeml_converters.asked import Asked, parse_batch_axes, parse_free
    from edgeml_converters.convert import convert, verdict
    from edgeml_converters.options import Options
    from edgeml_converters.report.terminal import print_report

    options = Options(
        timeout_seconds=timeout,
        memory_bytes=None if memory is None else int(memory * (1 << 30)),
        holdout_samples=holdout,
        calibration_data=calibration_data,
        calibrator=calibrator,
        keep_float=tuple(keep_float or ()),
        per_tensor=per_tensor,
        asked=Asked(
            opset=opset,
            static=static,
            free=parse_free(free or ()),
            batch_axes=parse_batch_axes(batch_axis or ()),
            io=None if io is None else io.value,
        ),
        layout=None if layout is None else layout.value,
        weights=weights,
        slice_by=slice_by,
        sequence_by=sequence_by,
        metric=metric,
        outputs=tuple(output or ()),
        tolerances=tuple(tolerance or ()),
        compare=compare,
        allow_frozen=allow_frozen,
        repair=repair,
        profile=profile,
    )
    with Steps(verbose=verbose) as steps:
        report = convert(source, targets, data, out, precisions, options, steps.step)
    if as_json:
        print(documents.encode_pretty(report))
    else:
        print_report(Console(emoji=False), report, out)
    verdict(report, out)


def _listed(option: str, given: list[str], allowed: tuple[str, ...]) -> list[str]:
    """What stands between commas, in order, each once."""
    values = list(dict.fromkeys(value for text in given for value in text.split(",")))
    for value in values:
        if value not in allowed:
            raise InputError(f"{option} {value!r} is not possible; use {', '.join(allowed)}.")
    return values
