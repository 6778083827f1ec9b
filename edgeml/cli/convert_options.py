"""What `edgeml convert` can be told on its command line, as types of its parameters."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

# How `--help` groups the options.
_DATA, _PRECISION, _FILES = "Data", "Precision", "The files"
_VERDICT, _RUN = "The verdict", "The run"


class Layout(StrEnum):
    """Where the channels of images stand."""

    nchw = "nchw"
    nhwc = "nhwc"


class IntegerType(StrEnum):
    """Of inputs and outputs that are integers in place of floats."""

    int8 = "int8"
    uint8 = "uint8"


SourceArgument = Annotated[
    str,
    typer.Argument(
        help="module:callable or file.py:callable that returns a model, a .pt2 program, a "
        "TorchScript .pt, a .keras or .h5 file, a SavedModel as FOLDER or FOLDER:SIGNATURE, an "
        ".onnx or .tflite file, "
        "mlflow:models:/NAME@ALIAS or dvc:PATH."
    ),
]
ToOption = Annotated[
    list[str], typer.Option(help="onnx or tflite; several by commas or by giving it again.")
]
OutOption = Annotated[Path, typer.Option(help="The folder for variants, contract and report.")]
DataOption = Annotated[
    Path | None,
    typer.Option(
        help="An .npz with one array for each input, first axis the sample, or a folder of "
        "such .npy files; expected/NAME and labels are optional. Or module:callable or "
        "file.py:callable that yields samples, each a dict of arrays; or a contract.json, to "
        "make inputs within its ranges. Not needed where the model's callable returns (model, "
        "samples).",
        rich_help_panel=_DATA,
    ),
]
PrecisionOption = Annotated[
    list[str] | None,
    typer.Option(
        help="fp32, fp16, int8, int8-dynamic or int8-weights; several by commas or by giving "
        "it again.  [default: fp32]",
        show_default=False,
        rich_help_panel=_PRECISION,
    ),
]
CalibrationDataOption = Annotated[
    Path | None,
    typer.Option(
        help="An .npz of inputs to find int8's ranges with; if not given, a third of the "
        "data, which then proves nothing.",
        rich_help_panel=_DATA,
    ),
]
CalibratorOption = Annotated[
    str | None,
    typer.Option(
        help="The only way to find int8's ranges; if not given, the best of all.",
        rich_help_panel=_PRECISION,
    ),
]
KeepFloatOption = Annotated[
    list[str] | None,
    typer.Option(
        help="What stays in float at any precision, with * and ?: an operator's kind or name, "
        "or a PyTorch module or Keras layer; again for more.",
        show_default=False,
        rich_help_panel=_PRECISION,
    ),
]
PerTensorOption = Annotated[
    bool,
    typer.Option(
        "--per-tensor",
        help="One scale a tensor of weights, not a channel.",
        rich_help_panel=_PRECISION,
    ),
]
LayoutOption = Annotated[
    Layout | None,
    typer.Option(
        help="Where the channels of images stand, in the data file too; the model's own if not "
        "given.",
        rich_help_panel=_FILES,
    ),
]
OpsetOption = Annotated[
    int | None,
    typer.Option(
        help="Of the ONNX files; the exporter's own if not given.", rich_help_panel=_FILES
    ),
]
FreeOption = Annotated[
    list[str] | None,
    typer.Option(
        help="NAME:AXIS or NAME:AXIS=SIZE of an input: that size stays free in the ONNX files "
        "too; again for more, with the same SIZE for what is always alike.",
        show_default=False,
        rich_help_panel=_FILES,
    ),
]
BatchAxisOption = Annotated[
    list[str] | None,
    typer.Option(
        help="NAME=AXIS of an input or output whose samples the model has on another axis than "
        "the first, or NAME=none where it takes one at a time; without NAME for all. In data "
        "and contract the sample is first.",
        show_default=False,
        rich_help_panel=_FILES,
    ),
]
StaticOption = Annotated[
    bool,
    typer.Option(
        "--static",
        help="Every size in the files is fixed, as some devices want, a batch of 1.",
        rich_help_panel=_FILES,
    ),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(
        help="A state dict, or dvc:PATH to one, for a callable that builds the model without.",
        rich_help_panel=_FILES,
    ),
]
MetricOption = Annotated[
    str | None,
    typer.Option(
        help="The task's own: accuracy, f1, auc, mae or module:callable.",
        rich_help_panel=_VERDICT,
    ),
]
SliceByOption = Annotated[
    str | None,
    typer.Option(
        help="A key of the data by whose values the samples are looked at apart.",
        rich_help_panel=_DATA,
    ),
]
SequenceByOption = Annotated[
    str | None,
    typer.Option(
        help="A key of the data: where states are fed back, samples of one value of it follow "
        "one another; all samples if not given.",
        rich_help_panel=_DATA,
    ),
]
OutputOption = Annotated[
    list[str] | None,
    typer.Option(
        help="What an output means, NAME=ROLE: logits, probabilities, scores, mask, boxes, "
        "heatmap, regression, embedding, state and so on, with axis=, channels=, threshold=, "
        "error=, scores= or input=, as in y=boxes,axis=2,channels=0:4 or h1=state,input=h0; "
        "else what labels, graph and values show.",
        show_default=False,
        rich_help_panel=_VERDICT,
    ),
]
ToleranceOption = Annotated[
    list[str] | None,
    typer.Option(
        help="NAME:FIGURE=VALUE: another limit for a figure of an output, noise as 30dB; see "
        "docs/verdict.md. The report says so.",
        show_default=False,
        rich_help_panel=_VERDICT,
    ),
]
CompareOption = Annotated[
    str | None,
    typer.Option(
        help="module:callable that decides in place of edgeml's figures: it takes (output, "
        "answered, expected) and returns None, or how they differ in one sentence.",
        rich_help_panel=_VERDICT,
    ),
]
AllowFrozenOption = Annotated[
    bool,
    typer.Option(
        "--allow-frozen",
        help="A branch on values may stay as the first samples take it, where a trace froze it.",
        rich_help_panel=_VERDICT,
    ),
]
RepairOption = Annotated[
    bool,
    typer.Option(
        "--repair/--no-repair",
        help="Try to mend what does not agree.",
        rich_help_panel=_PRECISION,
    ),
]
ProfileOption = Annotated[
    bool | None,
    typer.Option(
        "--profile/--no-profile",
        help="Measure latency and memory for report.html; if not given, where there is more "
        "than one variant.",
        rich_help_panel=_RUN,
    ),
]
AsJsonOption = Annotated[
    bool, typer.Option("--json", help="Print the report as JSON.", rich_help_panel=_RUN)
]
VerboseOption = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        help="A line for each step, and not each variant.",
        rich_help_panel=_RUN,
    ),
]
TimeoutOption = Annotated[
    float,
    typer.Option(help="Seconds that each step may take.", min=1, max=604_800, rich_help_panel=_RUN),
]
MemoryOption = Annotated[
    float | None,
    typer.Option(
        help="GiB of memory that each step may take.", min=0.25, max=65_536, rich_help_panel=_RUN
    ),
]
HoldoutOption = Annotated[
    int,
    typer.Option(
        help="Samples that the device will re-check, at most.", min=1, rich_help_panel=_FILES
    ),
]
IoOption = Annotated[
    IntegerType | None,
    typer.Option(
        help="What float inputs and outputs of the int8 file become, as microcontrollers and "
        "accelerators want them; scale and zero point are in the contract.",
        rich_help_panel=_PRECISION,
    ),
]
