"""`edgeml convert SOURCE`: a framework's model to ONNX and TFLite, with parity shown."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from edgeml.errors import InputError
from edgeml.manifest import Format, Precision

# How `--help` groups the options.
_DATA, _PRECISION, _FILES = "Data", "Precision", "The files"
_VERDICT, _RUN = "The verdict", "The run"


class Layout(StrEnum):
    """Where the channels of images stand."""

    nchw = "nchw"
    nhwc = "nhwc"


def convert_command(
    source: Annotated[
        str,
        typer.Argument(
            help="module:callable or file.py:callable that returns a model, a .pt2 program, a "
            "TorchScript .pt, a .keras or .h5 file, a SavedModel as FOLDER or FOLDER:SIGNATURE, an "
            ".onnx or .tflite file, "
            "mlflow:models:/NAME@ALIAS or dvc:PATH."
        ),
    ],
    to: Annotated[
        list[str], typer.Option(help="onnx or tflite; several by commas or by giving it again.")
    ],
    out: Annotated[Path, typer.Option(help="The folder for variants, contract and report.")],
    data: Annotated[
        Path | None,
        typer.Option(
            help="An .npz with one array for each input, first axis the sample, or a folder of "
            "such .npy files; expected/NAME and labels are optional. Or module:callable or "
            "file.py:callable that yields samples, each a dict of arrays; or a contract.json, to "
            "make inputs within its ranges. Not needed where the model's callable returns (model, "
            "samples).",
            rich_help_panel=_DATA,
        ),
    ] = None,
    precision: Annotated[
        list[str] | None,
        typer.Option(
            help="fp32, fp16, int8, int8-dynamic or int8-weights; several by commas or by giving "
            "it again.  [default: fp32]",
            show_default=False,
            rich_help_panel=_PRECISION,
        ),
    ] = None,
    calibration_data: Annotated[
        Path | None,
        typer.Option(
            help="An .npz of inputs to find int8's ranges with; if not given, a third of the "
            "data, which then proves nothing.",
            rich_help_panel=_DATA,
        ),
    ] = None,
    calibrator: Annotated[
        str | None,
        typer.Option(
            help="The only way to find int8's ranges; if not given, the best of all.",
            rich_help_panel=_PRECISION,
        ),
    ] = None,
    keep_float: Annotated[
        list[str] | None,
        typer.Option(
            help="What stays in float at any precision, with * and ?: an operator's kind or name, "
            "or a PyTorch module or Keras layer; again for more.",
            show_default=False,
            rich_help_panel=_PRECISION,
        ),
    ] = None,
    per_tensor: Annotated[
        bool,
        typer.Option(
            "--per-tensor",
            help="One scale a tensor of weights, not a channel.",
            rich_help_panel=_PRECISION,
        ),
    ] = False,
    layout: Annotated[
        Layout | None,
        typer.Option(
            help="Where the channels of images stand, in the data file too; the model's own if not "
            "given.",
            rich_help_panel=_FILES,
        ),
    ] = None,
    opset: Annotated[
        int | None,
        typer.Option(
            help="Of the ONNX files; the exporter's own if not given.", rich_help_panel=_FILES
        ),
    ] = None,
    free: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME:AXIS or NAME:AXIS=SIZE of an input: that size stays free in the ONNX files "
            "too; again for more, with the same SIZE for what is always alike.",
            show_default=False,
            rich_help_panel=_FILES,
        ),
    ] = None,
    batch_axis: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=AXIS of an input or output whose samples the model has on another axis than "
            "the first, or NAME=none where it takes one at a time; without NAME for all. In data "
            "and contract the sample is first.",
            show_default=False,
            rich_help_panel=_FILES,
        ),
    ] = None,
    static: Annotated[
        bool,
        typer.Option(
            "--static",
            help="Every size in the files is fixed, as some devices want, a batch of 1.",
            rich_help_panel=_FILES,
        ),
    ] = False,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="A state dict, or dvc:PATH to one, for a callable that builds the model without.",
            rich_help_panel=_FILES,
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="The task's own: accuracy, f1, auc, mae or module:callable.",
            rich_help_panel=_VERDICT,
        ),
    ] = None,
    slice_by: Annotated[
        str | None,
        typer.Option(
            help="A key of the data by whose values the samples are looked at apart.",
            rich_help_panel=_DATA,
        ),
    ] = None,
    sequence_by: Annotated[
        str | None,
        typer.Option(
            help="A key of the data: where states are fed back, samples of one value of it follow "
            "one another; all samples if not given.",
            rich_help_panel=_DATA,
        ),
    ] = None,
    output: Annotated[
        list[str] | None,
        typer.Option(
            help="What an output means, NAME=ROLE: logits, probabilities, scores, mask, boxes, "
            "heatmap, regression, embedding, state and so on, with axis=, channels=, threshold=, "
            "error=, scores= or input=, as in y=boxes,axis=2,channels=0:4 or h1=state,input=h0; "
            "else what labels, graph and values show.",
            show_default=False,
            rich_help_panel=_VERDICT,
        ),
    ] = None,
    tolerance: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME:FIGURE=VALUE: another limit for a figure of an output, see "
            "docs/convert.md; the report says so.",
            show_default=False,
            rich_help_panel=_VERDICT,
        ),
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option(
            help="module:callable that decides in place of edgeml's figures: it takes (output, "
            "answered, expected) and returns None, or how they differ in one sentence.",
            rich_help_panel=_VERDICT,
        ),
    ] = None,
    allow_frozen: Annotated[
        bool,
        typer.Option(
            "--allow-frozen",
            help="A branch on values may stay as the first samples take it, where a trace froze "
            "it.",
            rich_help_panel=_VERDICT,
        ),
    ] = False,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair/--no-repair",
            help="Try to mend what does not agree.",
            rich_help_panel=_PRECISION,
        ),
    ] = True,
    profile: Annotated[
        bool | None,
        typer.Option(
            "--profile/--no-profile",
            help="Measure latency and memory for report.html; if not given, where there is more "
            "than one variant.",
            rich_help_panel=_RUN,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report as JSON.", rich_help_panel=_RUN)
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            "-v",
            help="A line for each step, and not each variant.",
            rich_help_panel=_RUN,
        ),
    ] = False,
    timeout: Annotated[
        float, typer.Option(help="Seconds that each step may take.", min=1, rich_help_panel=_RUN)
    ] = 600,
    memory: Annotated[
        float | None,
        typer.Option(help="GiB of memory that each step may take.", min=0.25, rich_help_panel=_RUN),
    ] = None,
    holdout: Annotated[
        int,
        typer.Option(
            help="Samples that the device will re-check, at most.", min=1, rich_help_panel=_FILES
        ),
    ] = 64,
) -> None:
    """Convert a model and show, on data, that each variant says the same on each engine.

    Exit codes: 0 every variant says the same, 2 bad input, 3 a format could not be made, 4 a
    variant differs or the model disagrees with expected/, 8 MLflow's server does not answer, 9 the
    disk, 13 whether a variant says the same cannot be told yet.
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
