"""A seeded draw of the public architectures of benchmarks/coverage.py, as that runs them: one of
each package, by edgeml and by the exporter alone, held against a check that knows neither."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.converters.benchmark_parts import on_path, part

SEED = 20261128
LIGHT = {  # those that take seconds
    "keras": ("MobileNetV2", "keras_gru", "keras_lstm"),
    "timm": ("convnextv2_atto", "mobilenetv4_conv_small", "repvgg_a0", "tinynet_e"),
    "torchvision": ("mnasnet0_5", "resnet18", "squeezenet1_1"),
    "transformers": ("albert", "ast", "bert", "distilbert", "electra", "roberta", "wav2vec2"),
}
DRAW = random.Random(SEED)
DRAWN = [(DRAW.choice(names), DRAW.choice(("onnx", "tflite"))) for names in LIGHT.values()]


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from on_path(monkeypatch)


@pytest.mark.torch
@pytest.mark.tensorflow
@pytest.mark.parametrize(("name", "form"), DRAWN)
def test_it_is_proven_in_float32(tmp_path: Path, name: str, form: str) -> None:
    found = _run(tmp_path, name, [form], int8=False)
    ours = found.ours[f"{form}-fp32"]
    assert (ours.said, ours.why) == ("same", ""), ours.command


@pytest.mark.torch
def test_int8_is_neither_wrongly_the_same_nor_wrongly_refused(tmp_path: Path) -> None:
    found = _run(tmp_path, "mnasnet0_5", ["onnx"], int8=True)
    assert found.ours["onnx-int8"].said == "same", found.ours["onnx-int8"].why


def _run(folder: Path, name: str, forms: list[str], *, int8: bool) -> Any:
    """Whatever edgeml said of it was right, and the exporter alone was no better."""
    of = part("coverage_models.zoo").ARCHITECTURES[name]
    running, sums = part("coverage_models.running"), part("coverage_models.sums")
    found = running.go(of, folder, forms=forms, int8=int8, backwards=False)
    assert found.error == "" and found.ours.keys() >= found.bare.keys()
    for count in (sums.wrongly_same, sums.wrongly_refused, sums.behind_exporter):
        assert count([found]) == [], count.__name__
    return found
