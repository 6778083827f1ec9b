"""Models that nobody here wrote, against what their own authors ship of the same net.

scripts/test puts their packages, listed in scripts/model-packages.txt, into .venv/model-packages.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest

from edgeml import documents, holdout
from edgeml.conversion import ConversionReport, VariantReport
from edgeml_converters.parity.pairing import pair_outputs
from edgeml_converters.parity.question import Question
from edgeml_converters.parity.rule import Rule
from edgeml_converters.parity.run import show_parity
from edgeml_converters.progress import silent
from edgeml_converters.steps.processes import Processes
from edgeml_runtime.engines.base import Engine
from edgeml_runtime.engines.onnx import OnnxEngine
from edgeml_runtime.engines.registry import engine_class
from edgeml_runtime.engines.tflite import LitertEngine
from tests.converters.commands import convert
from tests.converters.zoo.real.listeners import PITCH, PITCH_PAIRS
from tests.converters.zoo.real.paper import words
from tests.converters.zoo.real.readers import CLASSIFIER, DETECTOR, READER, read
from tests.converters.zoo.real.real import PACKAGES, SOURCES, missing
from tests.converters.zoo.real.sound import stream, tones

Arrays = Mapping[str, npt.NDArray[Any]]
SILERO = PACKAGES / "silero_vad" / "data" / "silero_vad_16k_op15.onnx"
NOTES = (48, 52, 55, 60, 64, 69, 72, 76)  # MIDI numbers; the net's lowest is 21


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    assert not missing(), missing()


def _converted(out: Path, source: Path | str, arrays: Arrays, *to: str) -> ConversionReport:
    """The report of `edgeml convert`, which must end well; the data is left at out.npz."""
    data = out.with_suffix(".npz")
    np.savez(data, **arrays)  # pyright: ignore[reportArgumentType]
    ended = convert(source, data, out, to=to)
    assert ended.code == 0, ended.err
    report = documents.decode((out / "report.json").read_bytes(), ConversionReport, "report")
    assert [v.id for v in report.variants] == [f"{target}-fp32" for target in to]
    return report


def _opened(out: Path, variant: VariantReport, engine: str) -> Engine:
    return engine_class(engine)(out / variant.entry, inputs=variant.inputs, outputs=variant.outputs)


# basic-pitch: a SavedModel, an ONNX and a TFLite file of one net.


def _heard(note: npt.NDArray[Any]) -> tuple[int, ...]:
    """The MIDI number that is loudest over the whole window."""
    return tuple(int(n) + 21 for n in note.mean(axis=1).argmax(axis=-1))


def test_the_authors_two_files_agree_once_their_permuted_outputs_are_paired() -> None:
    """By shape alone, `note` may as well be `onset`: the two would differ by 0.79."""
    sound = tones(NOTES)
    theirs = OnnxEngine(PITCH / "nmp.onnx").run({"serving_default_input_2:0": sound})
    expected = LitertEngine(PITCH / "nmp.tflite").run({"input_2": sound})
    assert theirs["StatefulPartitionedCall:2"].shape == expected["note"].shape
    assert np.abs(theirs["StatefulPartitionedCall:2"] - expected["note"]).max() > 0.5
    assert pair_outputs(theirs, expected) == PITCH_PAIRS
    assert _heard(expected["note"]) == NOTES


@pytest.mark.tensorflow
def test_basic_pitch_says_the_same_as_its_authors_own_conversions(
    tmp_path: Path, processes: Processes
) -> None:
    out = tmp_path / "out"
    report = _converted(out, PITCH / "nmp", {"input_2": tones(NOTES)}, "onnx", "tflite")
    kept = holdout.decode((out / "holdout.npz").read_bytes())
    assert set(kept.expected) == {"note", "onset", "contour"}
    assert sorted(_heard(kept.expected["note"])) == sorted(NOTES)

    inputs = tmp_path / "inputs.npz"
    np.savez(inputs, **kept.inputs)  # pyright: ignore[reportArgumentType]
    question = Question(inputs, kept.inputs, kept.expected, Rule(exact=True), processes)
    theirs = show_parity(PITCH / "nmp.onnx", "onnx", question, silent)
    assert theirs.passed and theirs.outputs == PITCH_PAIRS, theirs.fault()
    theirs = show_parity(PITCH / "nmp.tflite", "tflite", question, silent)
    assert theirs.passed and theirs.outputs == {name: name for name in PITCH_PAIRS}, theirs.fault()

    for variant in report.variants:
        for row in variant.engines:
            if row.passed:
                found = _opened(out, variant, row.engine).run(kept.inputs)
                assert sorted(_heard(found["note"])) == sorted(NOTES)


# silero-vad: a net with a state that goes in and comes out.


def _authors(sound: npt.NDArray[Any], states: npt.NDArray[Any]) -> list[Any]:
    """(speech, state) of the authors' own ONNX file for each sample; their batch of a state is its
    second axis."""
    session = onnxruntime.InferenceSession(SILERO, providers=["CPUExecutionProvider"])
    rate = np.array(16000)
    return [
        session.run(None, {"input": x[None], "state": s[:, None], "sr": rate})
        for x, s in zip(sound, states, strict=True)
    ]


@pytest.mark.torch
def test_silero_follows_its_authors_onnx_step_by_step(tmp_path: Path) -> None:
    """Parity sees single steps; a long sound, with the state fed back, sees what adds up."""
    out, sound = tmp_path / "out", stream(60)
    states = np.random.default_rng(1).normal(0, 0.3, (60, 2, 128)).astype(np.float32)
    answers = _authors(sound, states)
    arrays = {
        "sound": sound,
        "state": states,
        "expected/speech": np.concatenate([speech for speech, _ in answers]),
        "expected/state_after": np.stack([state[:, 0] for _, state in answers]),
    }
    report = _converted(out, f"{SOURCES}:silero", arrays, "onnx", "tflite")

    expected: list[float] = []
    state = np.zeros((1, 2, 128), np.float32)
    for step in sound:
        ((speech, after),) = _authors(step[None], state)
        expected.append(float(speech[0, 0]))
        state = after.transpose(1, 0, 2)
    assert min(expected) < 0.2 < 0.5 < max(expected)  # it hears the voice and the silence
    for variant, row in ((v, r) for v in report.variants for r in v.engines if r.passed):
        engine = _opened(out, variant, row.engine)
        state = np.zeros((1, 2, 128), np.float32)
        found: list[float] = []
        for step in sound:
            answer = engine.run({"sound": step[None], "state": state})
            found.append(float(answer["speech"][0, 0]))
            state = answer["state_after"]
        assert np.abs(np.subtract(found, expected)).max() < 1e-4, (variant.id, row.engine)


@pytest.mark.torch
def test_silero_that_keeps_its_state_by_itself_is_refused_for_a_reason(tmp_path: Path) -> None:
    data, out = tmp_path / "data.npz", tmp_path / "out"
    np.savez(data, sound=stream(8)[:, 64:])
    ended = convert(f"{SOURCES}:silero_kept", data, out, to=["onnx"])
    assert ended.code in (2, 3)
    assert "\x1b" not in ended.sentence and len(ended.sentence) > 40
    if ended.code == 3:
        assert all(route["error"] for v in ended.report["variants"] for route in v["routes"])


# Resemblyzer: three LSTM layers of 256.


@pytest.mark.torch
def test_resemblyzer_gives_voices_of_length_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    mels = np.abs(np.random.default_rng(0).normal(0, 0.05, (8, 16, 40))).astype(np.float32)
    report = _converted(out, f"{SOURCES}:voice_encoder", {"mels": mels}, "onnx", "tflite")
    for variant, row in ((v, r) for v in report.variants for r in v.engines if r.passed):
        voices = _opened(out, variant, row.engine).run({"mels": mels})["voice"]
        np.testing.assert_allclose(np.linalg.norm(voices, axis=1), 1, atol=1e-5)


# rapidocr: three nets that come as ONNX.


TEXTS = ("edgeml 2026", "parity", "canary", "swap", "shadow", "drift", "fleet", "broker")


def test_the_reader_reads_after_the_conversion(tmp_path: Path) -> None:
    out, images = tmp_path / "out", words(TEXTS, 48, 320)
    (variant,) = _converted(out, READER, {"x": images}, "onnx").variants
    found = _opened(out, variant, "onnxruntime").run({"x": images})
    assert read(next(iter(found.values()))) == list(TEXTS)


def test_the_classifier_tells_upside_down_after_the_conversion(tmp_path: Path) -> None:
    """Its free sizes are written as -1, as Paddle's exporter once did."""
    out, upright = tmp_path / "out", words(("edgeml", "parity", "canary", "swap"), 48, 192)
    images = np.concatenate([upright, upright[:, :, ::-1, ::-1]])
    (variant,) = _converted(out, CLASSIFIER, {"x": images}, "onnx").variants
    assert variant.batch is None
    found = _opened(out, variant, "onnxruntime").run({"x": images})
    assert next(iter(found.values())).argmax(axis=1).tolist() == [0] * 4 + [1] * 4


def test_the_detector_finds_the_word_after_the_conversion(tmp_path: Path) -> None:
    out, images = tmp_path / "out", words(TEXTS, 160, 160)
    (variant,) = _converted(out, DETECTOR, {"x": images}, "onnx").variants
    found = _opened(out, variant, "onnxruntime").run({"x": images})
    for page, image in zip(next(iter(found.values()))[:, 0], images[:, 0], strict=True):
        rows, ink = np.nonzero(page > 0.3)[0], np.nonzero(image < 0)[0]
        assert ink.min() <= rows.min() and rows.max() <= ink.max()  # within the letters' height
