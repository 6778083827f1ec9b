"""report.html: one file, complete, deterministic, and nothing in it that was not said."""

import hashlib
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from edgeml.conversion import ConversionReport, EngineParity
from edgeml.parity import OutputParity
from edgeml_converters.report.confusion import confusions
from edgeml_converters.report.html import render
from edgeml_converters.report.labels import place
from edgeml_converters.report.pictures import as_image, pictures
from edgeml_converters.report.samples import Samples
from edgeml_converters.report.tradeoff import Point, tradeoff
from edgeml_converters.report.verdict import verdict
from tests.converters.report import conversion_reports

ROOT = Path(__file__).parents[3]
_VOID = {"meta", "img", "br", "link", "hr", "input"}


class Page(HTMLParser):
    """Every tag with its attributes and all text; open tags must be closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def values(self, attribute: str) -> list[str]:
        return [a[attribute] or "" for _, a in self.tags if attribute in a]


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
    variant = msgspec.structs.replace(report.variants[0], engines=rows, passed=False)
    return msgspec.structs.replace(report, variants=(variant,))


def test_answers_that_are_not_finite_are_shown_as_such() -> None:
    row = OutputParity(
        name="y", max_abs=None, limit_abs=1e-4, cosine=None, snr_db=None, top1=None, passed=False
    )
    report = _with_rows(EngineParity(engine="litert", version="2", outputs=(row,), passed=False))
    found = Page(render(report, {}, conversion_reports.samples()))
    assert "not finite" in found.text and "exact" not in found.text
    assert "The one variant cannot be shipped: onnx-fp32 does not say the same" in found.text
    assert "litert gives NaN, infinity or another shape in 'y'." in found.text
    assert "front:" not in found.text  # nothing to plot


@pytest.mark.parametrize("kind", ["empty", "engine", "files"])
def test_the_verdict_says_why(kind: str) -> None:
    crash = EngineParity(engine="litert", version="2", outputs=(), passed=False, error="It fell.")
    report = _with_rows(*(() if kind == "empty" else (crash,)))
    if kind == "files":
        variant = msgspec.structs.replace(report.variants[0], files=())
        report = msgspec.structs.replace(report, variants=(variant,))
    found = verdict(report)
    assert not found.good
    reason = {"empty": "ran on no engine", "engine": "ran on no engine", "files": "could not be"}
    assert reason[kind] in found.sentence
    assert found.advice[0].sentence == (
        "It fell." if kind != "empty" else "no engine for it is installed; see 'edgeml doctor'."
    )


def test_the_front_of_the_mixed_conversion() -> None:
    found = tradeoff(conversion_reports.mixed(), conversion_reports.profiles())
    assert found.metric == "accuracy" and found.higher
    names = [(p.variant.id, p.engine.engine) for p in found.points if p.front]
    assert names == [("onnx-fp32", "onnxruntime"), ("onnx-int8", "onnxruntime")]
    assert found.points[0].engine.optimisation == "extended"


@given(
    figures=st.lists(
        st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.booleans()),
        min_size=1,
        max_size=8,
    )
)
def test_nothing_on_the_front_is_beaten_and_all_else_is(
    figures: list[tuple[int, int, int, bool]],
) -> None:
    report = conversion_reports.passed()
    base = report.variants[0]
    profile = conversion_reports.profiles()["onnx-fp32"]
    variants, profiles = [], {}
    for number, (size, p50, snr_db, passed) in enumerate(figures):
        row = OutputParity(
            name="y", max_abs=1.0, limit_abs=1, cosine=1, snr_db=snr_db, top1=None, passed=passed
        )
        engine = EngineParity(engine="onnxruntime", version="1", outputs=(row,), passed=passed)
        name = f"v{number}"
        variants.append(
            msgspec.structs.replace(base, id=name, size=size, engines=(engine,), passed=passed)
        )
        timed = msgspec.structs.replace(profile.engines[0], p50_us=float(p50))
        profiles[name] = msgspec.structs.replace(profile, engines=(timed,))
    found = tradeoff(msgspec.structs.replace(report, variants=tuple(variants)), profiles)

    def costs(point: Point) -> tuple[int, int, int]:
        size, p50, snr_db, _ = figures[point.number - 1]
        return size, p50, -snr_db

    passed = [point for point in found.points if figures[point.number - 1][3]]
    assert not any(point.front for point in found.points if point not in passed)
    assert any(point.front for point in passed) or not passed
    for point in passed:
        mine = costs(point)
        beaten = any(
            costs(other) != mine and all(a <= b for a, b in zip(costs(other), mine, strict=True))
            for other in passed
        )
        assert point.front is not beaten


def test_confusion_is_that_of_scikit_learn() -> None:
    samples = conversion_reports.samples("onnx-fp32", "tflite-int8")
    model, other = confusions(samples)
    assert model.names == "the model, onnx-fp32" and other.names == "tflite-int8"
    said = samples.answers["tflite-int8"]["logits"].argmax(axis=1)
    assert samples.labels is not None
    expected = confusion_matrix(samples.labels, said)
    assert [[cell.count for cell in row] for row in other.rows] == expected.tolist()
    assert sum(cell.more for row in other.rows for cell in row) == 0
    assert other.accuracy == pytest.approx((said == samples.labels).mean())


def test_a_large_vocabulary_needs_no_large_matrix() -> None:
    count = 50_000  # a whole matrix would have 20 GB
    expected = np.zeros((3, count), np.float32)
    expected[[0, 1, 2], [7, count - 1, 9]] = 1
    labels = np.array([7, count - 1, 8])
    (found,) = confusions(Samples(inputs={}, expected={"y": expected}, labels=labels))
    assert found.rows == () and found.errors == ((8, 9, 1),)
    assert found.accuracy == pytest.approx(2 / 3)


def test_many_classes_are_a_list_of_errors() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(400, 100)).astype(np.float32)
    truth = logits.argmax(axis=1)
    truth[:7], logits[:7] = 3, 0
    logits[:7, 5] = 1
    truth[7:] = logits[7:].argmax(axis=1)
    samples = Samples(inputs={}, expected={"y": logits}, labels=truth)
    (found,) = confusions(samples)
    assert found.rows == () and found.errors == ((3, 5, 7),)
    report = conversion_reports.passed()
    assert "The most frequent errors" in Page(render(report, {}, samples)).text


@pytest.mark.parametrize(
    ("labels", "shape"),
    [(None, (5, 3)), (np.zeros(5), (5, 1)), (np.arange(5) * 0.3, (5, 3)), (np.zeros(4), (5, 3))],
)
def test_no_confusion_without_labels_of_classes(labels: Any, shape: tuple[int, ...]) -> None:
    expected = {"y": np.zeros(shape, np.float32)}
    assert confusions(Samples(inputs={}, expected=expected, labels=labels)) == ()


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ((1, 8, 8), "image"),
        ((3, 32, 40), "image"),
        ((32, 40, 3), "image"),
        ((28, 28, 1), "image"),
        ((28, 28), "image"),
        ((2, 400), "line"),
        ((400, 3), "line"),
        ((1, 16_000), "line"),
        ((40,), "line"),
        ((6,), "numbers"),
        ((2, 2), "numbers"),
        ((), "numbers"),
        ((4, 5, 6, 7), "numbers"),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "uint8", "bool", "int64"])
def test_inputs_are_drawn_by_their_shape(shape: tuple[int, ...], kind: str, dtype: str) -> None:
    values = np.random.default_rng(0).integers(0, 2, (2, *shape)).astype(dtype)
    (picture,) = pictures({"x": values}, 1)
    assert picture.kind == kind
    assert len(picture.drawn) < 60_000


@pytest.mark.parametrize(
    "shape", [(1, 300, 200), (3, 300, 200), (300, 200, 3), (300, 200)], ids=str
)
def test_an_image_keeps_its_axes_and_grows_no_larger_than_the_page_needs(
    shape: tuple[int, ...],
) -> None:
    image: npt.NDArray[Any] = np.zeros(shape, np.float32)
    found = as_image(image)
    assert found is not None and found.shape[:2] == (75, 50)
    assert np.unique(found).tolist() == [0.5]


@given(
    points=st.lists(st.tuples(st.floats(0, 330), st.floats(20, 200)), min_size=1, max_size=12).map(
        lambda places: [(n, x, y) for n, (x, y) in enumerate(places, start=1)]
    )
)
def test_every_point_has_one_label_within_the_figure(
    points: list[tuple[int, float, float]],
) -> None:
    labels = place(points, 331)
    numbers = [int(number) for label in labels for number in label.text.split(", ")]
    assert sorted(numbers) == [number for number, _, _ in points]
    assert all(label.x + label.dx > 0 or label.dx > 0 for label in labels)


def test_labels_of_points_in_a_row_do_not_cover_each_other() -> None:
    labels = place([(n, 100 + 6.0 * n, 100.0) for n in range(1, 9)], 331)
    assert len({(label.x + label.dx, label.y + label.dy) for label in labels}) == 8
    boxes = [
        (left, label.y + label.dy, left + 5.6 * len(label.text), label.y + label.dy + 9)
        for label in labels
        for left in [label.x + label.dx - (5.6 * len(label.text) if label.dx < 0 else 0)]
    ]
    for n, a in enumerate(boxes):
        for b in boxes[n + 1 :]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
