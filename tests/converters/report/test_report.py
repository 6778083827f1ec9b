"""report.html: one file, complete, deterministic, and nothing in it that was not said."""

import hashlib
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from edgeml.conversion import ConversionReport, EngineParity
from edgeml.faults import Fault, Finding
from edgeml.parity.answers import OutputParity
from edgeml_converters.report.html import render
from edgeml_converters.report.samples import Samples
from edgeml_converters.report.verdict import verdict
from tests.converters.report import conversion_reports
from tests.converters.report.page import Page

ROOT = Path(__file__).parents[3]


def mixed() -> str:
    return render(
        conversion_reports.mixed(),
        conversion_reports.profiles(),
        conversion_reports.samples("onnx-fp32", "onnx-int8", "tflite-int8"),
    )


@pytest.fixture(scope="module")
def html() -> str:
    return mixed()


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_the_page_loads_nothing(html: str, page: Page) -> None:
    assert not {"script", "link", "iframe", "object", "base", "form"} & {t for t, _ in page.tags}
    for name in ("src", "href", "xlink:href", "action", "srcset"):
        for value in page.values(name):
            assert value.startswith(("#", "data:image/png;base64,")), value
    assert "@import" not in html and not re.findall(r"url\((?!#)", html)
    (policy,) = [a["content"] for _, a in page.tags if "http-equiv" in a]
    assert policy is not None and policy.startswith("default-src 'none';")
    assert "script-src" not in policy


def test_every_link_leads_to_one_place(page: Page) -> None:
    ids = Counter(page.values("id"))
    assert [name for name, count in ids.items() if count > 1] == []
    targets = {value[1:] for value in page.values("href") if value.startswith("#")}
    assert targets <= ids.keys()
    assert "tflite-int8-per-channel-dynamic-fully-connected" in targets


def test_words_of_others_are_text_and_not_markup(html: str, page: Page) -> None:
    assert "<script>" not in html
    assert "a <script> & a 'quote'" in page.text


@pytest.mark.parametrize(
    "words",
    [
        "2 of 4 variants cannot be shipped: tflite-int8 does not say the same as the model; "
        "tflite-fp16 could not be made.",
        "FULLY_CONNECTED has one scale a channel",
        "The 2 other variants passed",
        "calibrated on 300 others",
        "onnxruntime 1.32.0",
        "41.2 µs",
        "98.7 %",
        "The first tensor that drops is no. 7",
        "features.6",
        "optimiser-crash",
        "classifier/fc in float",
        "no histogram for an empty tensor",
        "Slices, the worst first",
        "shuffle broken 5.00e-01 Order matters.",
        "its process crashed with SIGSEGV",
        "the 16 with the widest margins",
        "304,128 MACs a call, 1 layer not counted",
        "torch-tflite-litert",
        "engine tflite 2.14.0",
        "torch 2.13.0",
    ],
)
def test_what_happened_is_on_the_page(page: Page, words: str) -> None:
    assert words in page.text


def test_the_plots_follow_the_colours_of_the_page(html: str) -> None:
    plots = re.findall(r'<svg viewBox[^>]* class="plot">.*?</svg>', html, re.S)
    assert len(plots) == 3
    for plot in plots:
        assert set(re.findall(r"#[0-9a-f]{6}\b", plot)) <= {"#000000"}  # clips, which are unseen
        assert "var(--ink)" in plot and "<style" not in plot and "font-family" not in plot


def test_flips_are_drawn(page: Page) -> None:
    images = [a for tag, a in page.tags if tag == "img"]
    report = conversion_reports.mixed()
    flips = [
        min(16, output.flips)
        for variant in report.variants
        for engine in variant.engines
        for output in (engine.evidence.outputs if engine.evidence else ())
    ]
    assert len(images) == sum(flips) > 10
    assert all((image["width"], image["height"]) == ("8", "8") for image in images)


def test_the_same_conversion_gives_the_same_bytes_in_another_process(html: str) -> None:
    code = (
        "import hashlib; from tests.converters.report.test_report import mixed; "
        "print(hashlib.sha256(mixed().encode()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONHASHSEED": "7"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == hashlib.sha256(html.encode()).hexdigest()


def test_sections_without_data_are_left_out() -> None:
    images, logits, _ = conversion_reports.digits()
    report = conversion_reports.passed()
    plain = Samples(inputs={"image": images}, expected={"logits": logits})
    found = Page(render(report, {}, plain))
    assert "All 2 variants say the same as the model on 500 samples." in found.text
    for words in ("Confusion", "latency p50", "peak MiB", "Calibrat", "Repairs", "→", "Found"):
        assert words not in found.text
    nothing = msgspec.structs.replace(report, variants=())
    assert "No variant was made." in Page(render(nothing, {}, plain)).text


def _with_rows(*rows: EngineParity) -> ConversionReport:
    report = conversion_reports.passed()
    variant = msgspec.structs.replace(report.variants[0], engines=rows, answer="differs")
    return msgspec.structs.replace(report, variants=(variant,))


def test_answers_that_are_not_finite_are_shown_as_such() -> None:
    reason = "it gives NaN or infinity where the model gives numbers in 'y'"
    row = OutputParity(name="y", answer="differs", reason=reason)
    wrong = EngineParity(engine="litert", version="2", outputs=(row,), answer="differs")
    report = _with_rows(wrong)
    found = Page(render(report, {}, conversion_reports.samples()))
    assert "not finite" in found.text and "exact" not in found.text
    assert "The one variant cannot be shipped: onnx-fp32 does not say the same" in found.text
    assert f"litert: {reason}." in found.text
    assert "front:" not in found.text  # nothing to plot


def test_what_cannot_be_told_is_not_shown_as_wrong() -> None:
    """Neither in the sentence nor in the colour of what was found."""
    open_ = conversion_reports.passed().variants[0]
    unsure = Finding(
        fault=Fault.UNDECIDED, severity="error", message="It may be.", engines=(), where="logits"
    )
    row = msgspec.structs.replace(open_.engines[0], answer="cannot tell")
    open_ = msgspec.structs.replace(open_, engines=(row,), findings=(unsure,), answer="cannot tell")
    report = msgspec.structs.replace(conversion_reports.passed(), variants=(open_,))
    assert verdict(report).answer == "cannot tell"
    found = Page(render(report, {}, conversion_reports.samples()))
    classes = [value for value in found.values("class") if "bad" in value.split()]
    assert classes == [] and "? The one variant cannot be shipped" in found.text


def test_the_heaviest_layers_bear_the_names_of_the_model() -> None:
    profiles = conversion_reports.profiles()
    name = next(layer.name for layer in profiles["onnx-fp32"].layers if layer.macs)
    page = render(
        conversion_reports.mixed(),
        profiles,
        conversion_reports.samples("onnx-fp32"),
        {"onnx-fp32": {name: "blocks.0.conv"}},
    )
    assert f"blocks.0.conv {name}" in Page(page).text


@pytest.mark.parametrize("kind", ["empty", "engine", "files"])
def test_the_verdict_says_why(kind: str) -> None:
    crash = EngineParity(
        engine="litert", version="2", outputs=(), answer="differs", error="It fell."
    )
    report = _with_rows(*(() if kind == "empty" else (crash,)))
    if kind == "files":
        variant = msgspec.structs.replace(report.variants[0], files=())
        report = msgspec.structs.replace(report, variants=(variant,))
    found = verdict(report)
    assert found.answer == "differs"
    reason = {"empty": "ran on no engine", "engine": "ran on no engine", "files": "could not be"}
    assert reason[kind] in found.sentence
    assert found.advice[0].sentence == (
        "It fell." if kind != "empty" else "no engine for it is installed; see 'edgeml doctor'."
    )
