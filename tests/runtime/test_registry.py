"""The first variant that a working engine can run, by the engines' order of preference."""

from dataclasses import dataclass

import pytest

from edgeml.errors import EngineError
from edgeml.manifest import File, Manifest, Requirement, Variant
from edgeml_runtime.engines.registry import ENGINES, Probe, available, choose, probe
from tests.missing import missing


def _file(path: str) -> File:
    return File(path=path, sha256="0" * 64, size=1, blobs=("0" * 64,))


@dataclass
class _Offer:
    id: str
    engines: tuple[str, ...]


def manifest(*offers: _Offer) -> Manifest:
    return Manifest(
        name="m",
        version="1",
        blob_bytes=1000,
        contract=_file("contract.json"),
        holdout=_file("holdout.npz"),
        variants=tuple(
            Variant(
                id=offer.id,
                format="tflite" if "tflite" in offer.id else "onnx",
                precision="fp32",
                entry=f"variants/{offer.id}/model",
                files=(_file(f"variants/{offer.id}/model"),),
                inputs={"x": "x"},
                outputs={"y": "y"},
                requires=tuple(Requirement(engine=e, version="1") for e in offer.engines),
            )
            for offer in offers
        ),
        reports=(),
        provenance=_file("provenance.json"),
    )


TFLITE = _Offer("tflite-fp32", ("tflite", "litert"))
ONNX = _Offer("onnx-fp32", ("onnxruntime",))
INT8 = _Offer("onnx-int8", ("onnxruntime",))


@pytest.mark.parametrize(
    ("offers", "engines", "expected"),
    [
        ((TFLITE, ONNX), ("onnxruntime", "tflite"), ("onnx-fp32", "onnxruntime")),
        ((TFLITE, ONNX), ("tflite", "onnxruntime"), ("tflite-fp32", "tflite")),
        ((TFLITE, ONNX), ("litert",), ("tflite-fp32", "litert")),
        ((INT8, ONNX), ("onnxruntime",), ("onnx-int8", "onnxruntime")),
        ((ONNX, TFLITE), ("litert", "tflite"), ("tflite-fp32", "litert")),
    ],
)
def test_the_engine_is_preferred_before_the_variant(
    offers: tuple[_Offer, ...], engines: tuple[str, ...], expected: tuple[str, str]
) -> None:
    variant, engine = choose(manifest(*offers), engines)
    assert (variant.id, engine) == expected


def test_no_engine_for_any_variant_says_what_is_wanted_and_what_is_here() -> None:
    with pytest.raises(EngineError, match=r"m 1 runs on litert, tflite, but.* has onnxruntime;"):
        choose(manifest(TFLITE), ["onnxruntime"])
    with pytest.raises(EngineError, match="has none; install one"):
        choose(manifest(ONNX), [])
    with pytest.raises(EngineError, match="m 1 runs on tensorrt"):
        choose(manifest(_Offer("onnx-fp32", ("tensorrt",))))


def test_without_a_list_the_engines_that_work_here_are_asked() -> None:
    usable = available()
    if not usable:
        missing("no engine works here; install edgeml[onnx]")
    offers = [_Offer(f"for-{name}", (name,)) for name in reversed(ENGINES)]
    variant, engine = choose(manifest(*offers))
    assert (variant.id, engine) == (f"for-{usable[0]}", usable[0])


@pytest.mark.parametrize("name", ENGINES)
def test_a_probe_gives_a_version_or_a_problem(name: str) -> None:
    found: Probe = probe(name)
    assert found.name == name
    assert found.ok == (found.version is not None) == (found.problem is None)
    assert found.ok == (name in available())
