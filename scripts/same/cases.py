"""What is run with both commits: commands of `edgeml`, in a folder of their own, one after another.

They find the sources of same/sources.py beside that folder.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from tests.converters.zoo.table import PRECISIONS
from tests.converters.zoo.zoo import FRAMEWORKS, NAMES, Framework

Command = tuple[str, ...]
PACKAGES = Path(sys.prefix) / "model-packages"
PITCH = PACKAGES / "basic_pitch" / "saved_models" / "icassp_2022"
OCR = PACKAGES / "rapidocr_onnxruntime" / "models"
SOURCES = "../../sources"
QUICK = ("zoo-torch-autoencoder", "zoo-keras-conv_autoencoder", "torch-program", "onnx")


@dataclass(frozen=True)
class Case:
    name: str
    commands: tuple[Command, ...]


def _convert(source: str, data: str, to: str = "onnx,tflite", options: str = "") -> Command:
    """Without measured figures in report.html, so that every byte of it can be compared."""
    where = ("--to", to, "--out", "out", "--data", f"{SOURCES}/{data}")
    more = options.split()
    return (
        "convert",
        source,
        *where,
        *(["--no-profile"] if "--profile" not in more else []),
        *more,
    )


def _zoo(framework: Framework, name: str) -> Case:
    source, data = f"{SOURCES}/{framework}/{framework}_zoo.py:{name}", f"{framework}/{name}.npz"
    return Case(
        f"zoo-{framework}-{name}",
        (
            _convert(source, data, options=f"--precision {','.join(PRECISIONS)}"),
            ("bisect", "out", "--variant", "onnx-int8"),
            ("bisect", "out", "--variant", "tflite-int8", "--json"),
            (
                "compare", "out/onnx-fp32/model.onnx", "out/tflite-int8-weights/model.tflite",
                "--data", f"{SOURCES}/{data}",
            ),
            ("package", "out", "--name", name, "--version", "1", "--passed-only"),
        ),
    )  # fmt: skip


def _one(
    name: str, source: str | Path, data: str, to: str = "onnx,tflite", options: str = ""
) -> Case:
    named = source if isinstance(source, Path) else f"{SOURCES}/{source}"
    return Case(name, (_convert(str(named), f"data/{data}", to, options),))


def _refused() -> Case:
    """One sentence and an exit code for each."""
    digits = f"{SOURCES}/torch_models.py:digits"
    asked = (
        _convert(f"{SOURCES}/torch-files/evil.pt", "data/digits.npz"),
        _convert(f"{SOURCES}/torch-files/evil.pt2", "data/digits.npz"),
        _convert(f"{SOURCES}/keras-files/lambda.h5", "data/digits-last.npz"),
        _convert(f"{SOURCES}/keras-files/alone.weights.h5", "data/digits-last.npz"),
        _convert(f"{SOURCES}/torch_models.py:nobody", "data/digits.npz"),
        _convert(digits, "data/nan.npz"),
        _convert(digits, "data/pair.npz"),
        _convert(digits, "data/nothing.npz"),
        _convert(digits, "data/digits.npz", to="coreml"),
        _convert(digits, "data/digits.npz", options=f"--weights {SOURCES}/torch-files/other.pt"),
        _convert(str(PITCH / "nmp.onnx"), "data/tones.npz", to="tflite"),
        ("convert", f"{SOURCES}/torch_models.py:digits", "--to", "onnx", "--out", "out"),
    )
    return Case("refused", asked)


def _measured(framework: Framework) -> Case:
    """What latency and memory stand in: the page, and `edgeml profile`."""
    source = f"{SOURCES}/{framework}/{framework}_zoo.py:residual_cnn"
    options = "--precision fp32,int8 --metric accuracy --profile"
    return Case(
        f"measured-{framework}",
        (
            _convert(source, f"{framework}/residual_cnn.npz", options=options),
            ("package", "out", "--name", "residual", "--version", "1"),
            ("inspect", "residual-1.edgeml"),
            ("profile", "residual-1.edgeml", "--seconds", "0.05", "--json"),
            ("profile", "out/onnx-fp32/model.onnx", "--seconds", "0.05"),
        ),
    )


def _compared() -> Case:
    digits, program = f"{SOURCES}/torch_models.py:digits", f"{SOURCES}/torch-files/program.pt2"
    data = ("--data", f"{SOURCES}/data/digits.npz")
    tones = ("--data", f"{SOURCES}/data/tones.npz")
    untrained = f"{SOURCES}/torch_models.py:untrained_digits"
    return Case(
        "compared",
        (
            ("compare", digits, program, *data),
            ("compare", digits, untrained, *data, "--json"),
            ("compare", str(PITCH / "nmp.onnx"), str(PITCH / "nmp.tflite"), *tones),
            ("compare", str(PITCH / "nmp"), str(PITCH / "nmp.onnx"), *tones, "--json"),
        ),
    )


_WEIGHTS = f"--weights {SOURCES}/torch-files/weights.pt"
_QUANTISED = "--precision fp32,int8"
_SAMPLES = f"{SOURCES}/torch_models.py:digits_with_samples"
_CASES = (
    *(_zoo(framework, name) for framework in FRAMEWORKS for name in NAMES),
    _measured("torch"),
    _measured("keras"),
    _compared(),
    _refused(),
    _one("torch-pair", "torch_models.py:pair", "pair.npz", options="--precision fp32,fp16 --json"),
    _one("torch-program", "torch-files/program.pt2", "grouped.npz",
         options=f"{_QUANTISED} --metric accuracy --slice-by group"),
    _one("torch-script", "torch-files/script.pt", "digits.npz", options=_QUANTISED),
    _one("torch-weights", "torch_models.py:untrained_digits", "contract.json", options=_WEIGHTS),
    _one("torch-layout", "torch_models.py:blur", "blur-last.npz", options="--layout nhwc"),
    _one("torch-fallback", "torch_models.py:crashes_then_lies", "digits.npz", "onnx"),
    Case("torch-samples", (("convert", _SAMPLES, "--to", "onnx", "--out", "out"),)),
    Case("dvc", (_convert(f"dvc:{SOURCES}/torch-files/program.pt2", "data/digits.npz", "onnx"),)),
    _one("keras-file", "keras-files/sequential.keras", "digits-last.npz", options=_QUANTISED),
    _one("keras-h5", "keras-files/sequential.h5", "digits-last.npz"),
    _one("saved-model", "keras-files/saved", "pair-last.npz", options=_QUANTISED),
    _one("saved-model-old", "keras-files/old", "pair-last.npz"),
    _one("saved-model-v1", "keras-files/v1", "v1.npz"),
    _one("onnx", OCR / "ch_ppocr_mobile_v2.0_cls_infer.onnx", "words.npz", "onnx"),
    _one("tflite", PITCH / "nmp.tflite", "tones.npz", "tflite"),
    _one("real-basic-pitch", PITCH / "nmp", "tones.npz"),
    _one("real-silero", "real_sources.py:silero", "sound.npz", options=_QUANTISED),
    _one("real-resemblyzer", "real_sources.py:voice_encoder", "mels.npz", "onnx"),
)  # fmt: skip
CASES = {case.name: case for case in _CASES}
