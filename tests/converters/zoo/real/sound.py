"""What is heard: tones, and voices that come and go."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import signal

from tests.converters.zoo.members.member import Array, Rng

Floats = npt.NDArray[np.float32]
PITCH_HZ = 22_050  # basic-pitch hears windows of 43,844 samples
PITCH_SAMPLES = 43_844
# The first three formants of an open, a front and a round vowel (Peterson and Barney 1952).
VOWELS_HZ = ((730, 1090, 2440), (270, 2290, 3010), (570, 840, 2410))
SILERO_HZ = 16_000
STEP, BEFORE = 512, 64  # silero hears so many samples at a time, and so many from before


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


def stream(steps: int) -> Floats:
    """[steps, 576] of one sound, each with the last 64 samples of the one before: a voice that says
    three vowels for a second, is silent for a second, and so on.

    Pulses of a throat through the resonances of a mouth (Klatt 1980), in noise.
    """
    rng = np.random.default_rng(0)
    time = np.arange(steps * STEP) / SILERO_HZ
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
    return windows(0.4 * voice * speaks + noise)


def windows(sound: Array) -> Floats:
    """[steps, 576], each with the last 64 samples of the one before."""
    heard = np.concatenate([np.zeros(BEFORE), sound]).astype(np.float32)
    return np.stack([heard[i : i + STEP + BEFORE] for i in range(0, len(sound), STEP)])


def spoken(rng: Rng, samples: int, pitch_hz: float, tract: float = 1.0) -> Array:
    """[samples] at 16 kHz, up to 1: vowels in turn, five a second.

    tract: by which the resonances of this mouth are higher.
    """
    time = np.arange(samples) / SILERO_HZ
    sway = 1 + 0.08 * np.sin(2 * np.pi * rng.uniform(1, 3) * time + rng.uniform(0, 6))
    pulses = np.diff(np.floor(np.cumsum(pitch_hz * sway) / SILERO_HZ), prepend=0)
    throat = pulses + 0.02 * rng.normal(size=samples)
    vowels = rng.integers(0, len(VOWELS_HZ), samples)[(5 * time).astype(int)]
    found = np.zeros(samples)
    for vowel, formants_hz in enumerate(VOWELS_HZ):
        sound = throat
        for formant_hz in formants_hz:
            sound = _resonance(sound, formant_hz * tract * rng.uniform(0.97, 1.03))
        found += sound / np.abs(sound).max() * (vowels == vowel)
    return found


def mels(sound: Array, frames: int) -> Floats:
    """[frames, 40]: power in bands of 25 ms each 10 ms, as Resemblyzer hears it, which takes no
    logarithm."""
    _, _, spectrum = signal.stft(sound, SILERO_HZ, nperseg=400, noverlap=240, scaling="spectrum")
    power = np.abs(spectrum * 200) ** 2  # the window's sum, by which scipy divides
    return (_bands() @ power).T[:frames].astype(np.float32)


def _bands() -> Array:
    """[40, 201]: triangles of one area, evenly over mel (O'Shaughnessy 1987)."""
    hz = np.linspace(0, SILERO_HZ / 2, 201)
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 42) / 2595) - 1)
    low, middle, high = (edges[i : i + 40, None] for i in range(3))
    found: Array = np.minimum((hz - low) / (middle - low), (high - hz) / (high - middle))
    return found.clip(0) * 2 / (high - low)


def _resonance(sound: npt.NDArray[Any], frequency_hz: float) -> npt.NDArray[Any]:
    """A filter of two poles, 90 Hz wide."""
    radius = np.exp(-np.pi * 90 / SILERO_HZ)
    middle = 2 * radius * np.cos(2 * np.pi * frequency_hz / SILERO_HZ)
    found: Any = signal.lfilter([1 - radius], [1, -middle, radius**2], sound)
    return found
