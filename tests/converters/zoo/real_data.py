"""What the real models are asked: tones, written words and a voice that comes and goes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy import signal

Floats = npt.NDArray[np.float32]
PITCH_HZ = 22_050  # basic-pitch hears windows of 43,844 samples
PITCH_SAMPLES = 43_844
# The first three formants of an open, a front and a round vowel (Peterson and Barney 1952).
VOWELS_HZ = ((730, 1090, 2440), (270, 2290, 3010), (570, 840, 2410))
SILERO_HZ = 16_000  # silero hears 512 samples at a time, and 64 from before


def tones(midi: Sequence[int]) -> Floats:
    """[n, 43844, 1]: one held note each, with two overtones; 69 is 440 Hz."""
    time = np.arange(PITCH_SAMPLES) / PITCH_HZ
    waves = [
        sum(
            0.3 / k * np.sin(2 * np.pi * k * 440 * 2 ** ((note - 69) / 12) * time)
            for k in (1, 2, 3)
        )
        for note in midi
    ]
    return np.array(waves, np.float32)[..., None]


def words(texts: Sequence[str], height: int, width: int) -> Floats:
    """[n, 3, height, width], -1 to 1: black letters on white, as a scanner gives them."""
    pages: list[npt.NDArray[Any]] = []
    for text in texts:
        figure = Figure(figsize=(width / 100, height / 100), dpi=100)
        canvas = FigureCanvasAgg(figure)
        figure.text(0.02, 0.5, text, fontsize=22, va="center", family="DejaVu Sans")
        canvas.draw()
        pages.append(np.asarray(canvas.buffer_rgba())[..., :3])
    pixels = np.stack(pages).transpose(0, 3, 1, 2).astype(np.float32)
    return np.ascontiguousarray(pixels / 255 * 2 - 1)


def stream(steps: int) -> Floats:
    """[steps, 576] of one sound, each with the last 64 samples of the one before: a voice that says
    three vowels for a second, is silent for a second, and so on.

    Pulses of a throat through the resonances of a mouth (Klatt 1980), in noise.
    """
    rng = np.random.default_rng(0)
    time = np.arange(steps * 512) / SILERO_HZ
    pitch_hz = 130 * (1 + 0.1 * np.sin(2 * np.pi * 1.7 * time))
    pulses = np.diff(np.floor(np.cumsum(pitch_hz) / SILERO_HZ), prepend=0)
    voice = np.zeros(len(time))
    for turn, vowel in enumerate(VOWELS_HZ):
        sound = pulses + 0.02 * rng.normal(size=len(time))
        for formant_hz in vowel:
            sound = _resonance(sound, formant_hz)
        syllable = np.clip(3 * np.sin(2 * np.pi * 4 * time), 0, 1)
        spoken = np.floor(4 * time) % len(VOWELS_HZ) == turn
        voice += sound / np.abs(sound).max() * syllable * spoken
    speaks = np.sin(np.pi * time) > 0
    noise = rng.normal(0, 0.002, len(time))
    heard = np.concatenate([np.zeros(64), 0.4 * voice * speaks + noise]).astype(np.float32)
    return np.stack([heard[i * 512 : i * 512 + 576] for i in range(steps)])


def _resonance(sound: npt.NDArray[Any], frequency_hz: float) -> npt.NDArray[Any]:
    """A filter of two poles, 90 Hz wide."""
    radius = np.exp(-np.pi * 90 / SILERO_HZ)
    middle = 2 * radius * np.cos(2 * np.pi * frequency_hz / SILERO_HZ)
    found: Any = signal.lfilter([1 - radius], [1, -middle, radius**2], sound)
    return found
