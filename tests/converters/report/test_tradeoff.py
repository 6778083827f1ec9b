"""The front of the trade-off: what no other variant beats in size, latency and fidelity."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from edgeml.conversion import EngineParity
from edgeml.parity.answers import Answer, OutputParity
from edgeml_converters.report.tradeoff import Point, tradeoff
from tests.converters.report import conversion_reports


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
        answer: Answer = "same" if passed else "differs"
        row = OutputParity(name="y", answer=answer, max_abs=1.0, snr_db=snr_db)
        engine = EngineParity(engine="onnxruntime", version="1", outputs=(row,), answer=answer)
        name = f"v{number}"
        variants.append(
            msgspec.structs.replace(base, id=name, size=size, engines=(engine,), answer=answer)
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
