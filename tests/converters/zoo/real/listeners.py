"""Three nets that listen: to notes, to who speaks, and to whether anybody does."""

import warnings
from functools import partial

import numpy as np

from edgeml_runtime.engines.onnx import OnnxEngine
from tests.converters.zoo.known import Feedback, Known, Run
from tests.converters.zoo.members.member import Arrays, Costs, Data, Rng, answers
from tests.converters.zoo.members.truths import events, retrieval
from tests.converters.zoo.real import sources
from tests.converters.zoo.real.real import PACKAGES, SOURCES, Real
from tests.converters.zoo.real.sound import (
    PITCH_HZ,
    PITCH_SAMPLES,
    SILERO_HZ,
    STEP,
    mels,
    spoken,
    windows,
)

PITCH = PACKAGES / "basic_pitch" / "saved_models" / "icassp_2022"
# Which output of its authors' ONNX is which of its SavedModel: neither in order nor by name.
PITCH_PAIRS = {
    "contour": "StatefulPartitionedCall:0",
    "note": "StatefulPartitionedCall:1",
    "onset": "StatefulPartitionedCall:2",
}
LOWEST, KEYS = 21, 88  # MIDI numbers of its 88 notes begin there
_FRAMES, _HOP = 172, 256
_NOTE_AT, _ONSET_AT = 0.3, 0.5  # above these there is a note, and one begins: its authors' own
_HELD = 11  # frames of a note at least: its authors' own
_SPEAKERS, _ENROLLED, _FRAMES_OF_VOICE = 8, 80, 32  # enrolled: clips of all speakers
_STEPS = 240  # of a clip, 7.7 s
_FEEDBACK = Feedback("state_after", "state", _STEPS)
_SPEAKS_AT = 0.5


def pitch() -> Run:
    """Its authors' ONNX file, which says what their SavedModel says."""
    engine = OnnxEngine(
        PITCH / "nmp.onnx", inputs={"input_2": "serving_default_input_2:0"}, outputs=PITCH_PAIRS
    )
    return engine.run


def _draw_chords(rng: Rng, n: int) -> Data:
    """One to four notes, each of which begins and ends somewhere. notes: [n, frames, keys]."""
    time = np.arange(PITCH_SAMPLES) / PITCH_HZ
    sounds = rng.normal(0, 0.002, (n, PITCH_SAMPLES))
    notes = np.zeros((n, _FRAMES, KEYS), bool)
    for sound, held in zip(sounds, notes, strict=True):
        for note in rng.choice(np.arange(40, 85), rng.integers(1, 4, endpoint=True), replace=False):
            begin = rng.uniform(0.1, 1.0)
            end = begin + rng.uniform(0.3, 0.9)
            loud = rng.uniform(0.08, 0.3) * np.exp(-1.5 * (time - begin)) * (time > begin)
            loud *= np.clip((end - time) / 0.02, 0, 1)
            hz = 440 * 2 ** ((note - 69) / 12)
            for k in (1, 2, 3, 4):
                sound += loud / k * np.sin(2 * np.pi * k * hz * time)
            first, last = (round(at * PITCH_HZ / _HOP) for at in (begin, end))
            held[first:last, note - LOWEST] = True
    return Data({"input_2": sounds[..., None].astype(np.float32)}, {"notes": notes})


def _costs_of_chords(found: Arrays, truth: Arrays, own: Arrays) -> Costs:
    """In each frame, by the notes and by the contour, whose three bins a note's are; and in the
    window, those that begin and are held."""
    held = truth["notes"]
    contour = found["contour"].reshape(*held.shape, -1).max(axis=-1)
    frames, begin = found["note"] > _NOTE_AT, found["onset"] > _ONSET_AT
    notes = begin.any(axis=1) & (frames.sum(axis=1) >= _HELD)
    figures = {
        "frames": events(frames, held),
        "notes": events(notes, held.any(axis=1)),
        "contour": events(contour > _NOTE_AT, held),
    }
    return {f"{f} of {of}": cost for of, costs in figures.items() for f, cost in costs.items()}


def _torch(name: str) -> Run:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of TorchScript, which silero comes in
        return partial(answers, getattr(sources, name)().eval())


def _draw_voices(rng: Rng, n: int) -> Data:
    """Speakers in turn, each with a pitch and a mouth of their own."""
    pitch_hz = rng.permutation(np.geomspace(90, 260, _SPEAKERS))
    tract = rng.permutation(np.linspace(0.85, 1.2, _SPEAKERS))
    who = np.arange(n) % _SPEAKERS
    samples = 160 * _FRAMES_OF_VOICE
    clips = [
        0.3 * spoken(rng, samples, float(pitch_hz[of]), float(tract[of]))
        + rng.normal(0, 0.001, samples)
        for of in who
    ]
    return Data({"mels": np.stack([mels(clip, _FRAMES_OF_VOICE) for clip in clips])}, {"who": who})


def _costs_of_voices(found: Arrays, truth: Arrays, own: Arrays) -> Costs:
    """The first clips are enrolled, by the model before, as on a server."""
    who, asked = truth["who"], np.arange(len(truth["who"])) >= _ENROLLED
    return retrieval(found["voice"][asked], who[asked], own["voice"][~asked], who[~asked])


def _draw_speech(rng: Rng, n: int) -> Data:
    """Clips one after another, of people who speak and are silent in turns; the state in a row is
    what the net itself comes to before it. speaks: [n, 1]."""
    samples = _STEPS * STEP
    sounds: list[Arrays] = []
    for _ in range(n // _STEPS):
        turns = np.cumsum(rng.uniform(0.6, 2.0, 20)) * SILERO_HZ
        speaks = np.searchsorted(turns, np.arange(samples)) % 2 == rng.integers(2)
        syllable = np.clip(3 * np.sin(2 * np.pi * 4 * np.arange(samples) / SILERO_HZ), 0.2, 1)
        voice = spoken(rng, samples, rng.uniform(90, 260), rng.uniform(0.85, 1.2))
        noise = rng.normal(0, rng.uniform(0.001, 0.01), samples)
        heard = rng.uniform(0.1, 0.5) * voice * syllable * speaks + noise
        sounds.append({"sound": windows(heard), "speaks": speaks[STEP // 2 :: STEP, None]})
    sound, speaks = (np.concatenate([of[key] for of in sounds]) for key in ("sound", "speaks"))
    state = np.zeros((n, 2, 128), np.float32)
    begins = Data({"sound": sound, "state": state}, {"speaks": speaks})
    single = Known(_torch("silero"), begins, _costs_of_speech, _FEEDBACK).single
    return Data(single, begins.truth)


def _costs_of_speech(found: Arrays, truth: Arrays, own: Arrays) -> Costs:
    return events(found["speech"] > _SPEAKS_AT, truth["speaks"])


NOTES = Real(
    "basic_pitch", "Spotify's basic-pitch: the notes that are heard, and when",
    PITCH / "nmp", pitch, _draw_chords, _costs_of_chords, ("onnx", "tflite"),
    outputs=(
        f"note=scores,threshold={_NOTE_AT}", f"onset=scores,threshold={_ONSET_AT}",
        f"contour=scores,threshold={_NOTE_AT}",
    ),
    proof=84, whole=240, calibrating=32,
)  # fmt: skip
VOICES = Real(
    "resemblyzer", "Resemblyzer's voice encoder: which of eight speakers it is",
    f"{SOURCES}:voice_encoder", partial(_torch, "voice_encoder"), _draw_voices, _costs_of_voices,
    ("onnx", "tflite"), outputs=("voice=embedding",), whole=1000,
)  # fmt: skip
SPEECH = Real(
    "silero", "Silero's net for speech: when somebody speaks, its state fed back",
    f"{SOURCES}:silero", partial(_torch, "silero"), _draw_speech, _costs_of_speech,
    ("onnx", "tflite"),
    outputs=(f"speech=scores,threshold={_SPEAKS_AT}", "state_after=state,input=state"),
    proof=4 * _STEPS, whole=40 * _STEPS, calibrating=2 * _STEPS,
    feedback=_FEEDBACK,
)  # fmt: skip
