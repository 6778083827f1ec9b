"""A conversion in which something of everything happened, for what is shown to people."""

from functools import cache
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from edgeml.conversion import (
    CalibratorTried,
    ConversionReport,
    EngineParity,
    RepairTried,
    RouteTried,
    VariantReport,
)
from edgeml.evidence import Invariant, TensorFidelity
from edgeml.faults import Fault, Finding
from edgeml.parity.roles import Role
from edgeml.profile import EngineProfile, Layer, Profile
from edgeml_converters.evidence.evidence import evidence
from edgeml_converters.evidence.metrics import parse
from edgeml_converters.parity.judging import judge
from edgeml_converters.parity.rule import Rule
from edgeml_converters.report.samples import Samples

Array = npt.NDArray[Any]
ROLES = {"logits": (Role(kind="logits", axis=1, source="labels"),)}
EXACT, LOWER = Rule(ROLES, exact=True), Rule(ROLES)


@cache
def digits() -> tuple[Array, Array, Array]:
    """Images [n, 1, 8, 8], logits of a small trained model and the true digits."""
    images, truth = load_digits(return_X_y=True)
    pixels = (images / 16).astype(np.float32)
    model = LogisticRegression(C=0.02, max_iter=200).fit(pixels[:900], truth[:900])
    shown = slice(1200, 1700)
    logits = model.decision_function(pixels[shown]).astype(np.float32)
    return pixels[shown].reshape(-1, 1, 8, 8), logits, truth[shown]


def answers(noise: float, seed: int = 0) -> dict[str, Array]:
    """The model's logits with noise of a share of their spread."""
    _, logits, _ = digits()
    rng = np.random.default_rng(seed)
    return {"logits": logits + (noise * logits.std() * rng.normal(size=logits.shape)).astype("f4")}


def samples(*variants: str) -> Samples:
    images, logits, truth = digits()
    noises = {"onnx-fp32": 0.0, "onnx-int8": 0.03, "tflite-fp32": 1e-7, "tflite-int8": 0.6}
    return Samples(
        inputs={"image": images},
        expected={"logits": logits},
        answers={name: answers(noises[name]) for name in variants},
        labels=truth,
    )


def engine(name: str, noise: float, rule: Rule, **more: Any) -> EngineParity:
    images, logits, truth = digits()
    found = answers(noise)
    rows = judge(found, {"logits": logits}, rule)
    deep = evidence(
        found, {"logits": logits}, truth, ("ink", images.mean(axis=(1, 2, 3))), parse("accuracy")
    )
    made = EngineParity(
        engine=name,
        version={"onnxruntime": "1.32.0", "tflite": "2.14.0", "litert": "2.3.0"}[name],
        outputs=rows,
        answer=rows[0].answer,
        evidence=deep,
    )
    return msgspec.structs.replace(made, **more)


def passed() -> ConversionReport:
    """Two variants, nothing wrong."""
    variants = (
        _variant("onnx-fp32", 161_000, (engine("onnxruntime", 0.0, EXACT),)),
        _variant("tflite-fp32", 158_000, (engine("litert", 1e-7, EXACT),)),
    )
    return _report(variants)


def mixed() -> ConversionReport:
    """Four variants: two passed, one is wrong on one engine and one could not be made."""
    held = (Invariant(name="repeat", passed=True, figure=0.0),)
    broken = (*held, Invariant(name="shuffle", passed=False, figure=0.5, message="Order matters."))
    crash = EngineParity(
        engine="onnxruntime", version="1.32.0", outputs=(), answer="differs",
        error="its process crashed with SIGSEGV",
    )  # fmt: skip
    plain = engine("onnxruntime", 0.0, EXACT, optimisation="extended")
    wrong = engine("tflite", 0.6, LOWER)
    right = engine("litert", 0.1, LOWER)
    deep = wrong.evidence
    assert deep is not None
    deep = msgspec.structs.replace(deep, invariants=broken)
    wrong = msgspec.structs.replace(wrong, evidence=deep)
    variants = (
        _variant("onnx-fp32", 161_000, (crash, plain), findings=(_crash(),)),
        _variant(
            "onnx-int8", 47_000, (engine("onnxruntime", 0.03, LOWER),), coverage=98.7,
            calibrators=(
                CalibratorTried(name="percentile", snr_db=31.2),
                CalibratorTried(name="minmax", snr_db=28.4),
                CalibratorTried(name="entropy", error="no histogram for an empty tensor"),
            ),
            ranges={f"/features/{i}/Relu_output_0": (-0.2 * i, 1.7**i) for i in range(12)},
        ),
        _variant(
            "tflite-int8", 45_000, (wrong, right), coverage=99.1, answer="differs",
            routes=(
                RouteTried(route="torch-tflite-litert", error="tflite gives max abs 31 in logits"),
            ),
            findings=(
                Finding(
                    fault=Fault.PER_CHANNEL_DYNAMIC_FC, severity="error", where="classifier/fc",
                    message="FULLY_CONNECTED has one scale a channel, which tflite-runtime "
                    "answers at chance level; use one scale a tensor.", engines=("tflite",),
                ),
                Finding(
                    fault=Fault.KEPT_STATE, severity="error", message="The order of calls matters."
                ),
            ),
            repairs=(
                RepairTried(
                    faults=(Fault.PER_CHANNEL_DYNAMIC_FC, Fault.WRONG_VALUES),
                    action="one scale a tensor", snr_db=30.1, kept=True,
                ),
                RepairTried(
                    faults=(Fault.WRONG_VALUES,), action="classifier/fc in float", snr_db=None,
                    kept=False,
                ),
            ),
            tensors=_tensors(),
        ),
        _variant(
            "tflite-fp16", 0, (), answer="differs",
            routes=(RouteTried(route="torch-tflite-litert", error="a <script> & a 'quote'"),),
        ),
    )  # fmt: skip
    return _report(variants)


def profiles() -> dict[str, Profile]:
    """Of the variants of `mixed` that have a file."""
    return {
        "onnx-fp32": _profile("onnx-fp32", onnxruntime=41.2),
        "onnx-int8": _profile("onnx-int8", onnxruntime=55.0),
        "tflite-int8": _profile("tflite-int8", tflite=22.0, litert=19.5),
    }


def _report(variants: tuple[VariantReport, ...]) -> ConversionReport:
    return ConversionReport(
        source="train_torch.py:better",
        framework="torch",
        samples=500,
        variants=variants,
        tools={"torch": "2.13.0", "onnx": "1.23.2", "edgeml": "0.1.0"},
        calibration_samples=300,
        roles=ROLES,
    )


def _variant(
    identity: str, size: int, engines: tuple[EngineParity, ...], **more: Any
) -> VariantReport:
    form, _, precision = identity.partition("-")
    fields: dict[str, Any] = {
        "answer": "same",
        "routes": (RouteTried(route="torch-onnx-dynamo"),),
        "files": (f"{identity}/model.{form}",) if size else (),
    }
    kind: Any = {"format": form, "precision": precision}
    return VariantReport(id=identity, size=size, engines=engines, **kind, **(fields | more))


def _crash() -> Finding:
    return Finding(
        fault=Fault.OPTIMISER_CRASH, severity="warning", engines=("onnxruntime",),
        message="onnxruntime crashes at graph optimisation all, but not at extended.",
    )  # fmt: skip


def _tensors() -> tuple[TensorFidelity, ...]:
    heights = [None, 41.0, 40.2, 39.8, 38.9, 38.7, 9.4, 9.1, 9.0, 8.2]
    return tuple(
        TensorFidelity(
            name=f"features/{i}/out", op="CONV_2D" if i % 2 else "ADD", source=f"features.{i}",
            snr_db=height,
        )
        for i, height in enumerate(heights)
    )  # fmt: skip


def _profile(name: str, **latencies: float) -> Profile:
    form: Any = name.partition("-")[0]
    layers = (
        Layer(name="conv1", op="Conv", shape=(1, 16, 8, 8), macs=9_216, parameters=160),
        Layer(name="conv2", op="Conv", shape=(1, 32, 8, 8), macs=294_912, parameters=4_640),
        Layer(name="relu", op="Relu", shape=(1, 32, 8, 8), macs=0, parameters=0),
        Layer(name="loop", op="Loop", shape=None, macs=None, parameters=0),
    )
    return Profile(
        name=name, format=form, size=47_000, cpu="A processor", cores=2, threads=1, batch=1,
        parameters=38_282, macs=304_128, macs_unknown=1, ops={"Conv": 2, "Relu": 1, "Loop": 1},
        layers=layers,
        engines=tuple(
            EngineProfile(
                engine=engine, version="1", runs=1000, p50_us=p50, p99_us=2 * p50, peak_mib=3.1
            )
            for engine, p50 in latencies.items()
        ),
    )  # fmt: skip
