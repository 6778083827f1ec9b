"""The self-test on a device: a detector whose scores are dead is not taken up."""

from pathlib import Path
from typing import ClassVar

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from edgeml.contract import Contract, Tensor
from edgeml.errors import HoldoutError
from edgeml.holdout import Holdout, decode, encode
from edgeml.manifest import File, Optimisation, Requirement, Variant
from edgeml_runtime.engines.base import Engine, Signature, TensorSpec
from edgeml_runtime.swap.loader import check_holdout, open_engine
from tests import onnx_models
from tests.holdouts import shipped_holdout

ANCHORS = 8
UNITS = (640.0, 640.0, 640.0, 640.0, 1.0)
CONTRACT = Contract(
    inputs=(Tensor(name="x", dtype="float32", shape=("batch", ANCHORS, 5)),),
    outputs=(Tensor(name="y", dtype="float32", shape=("batch", ANCHORS, 5)),),
)
FILE = File(path="variants/v/model.onnx", sha256="0" * 64, size=1, blobs=("0" * 64,))
VARIANT = Variant(
    id="v",
    format="onnx",
    precision="fp32",
    entry=FILE.path,
    files=(FILE,),
    inputs={"x": "x"},
    outputs={"y": "y"},
    requires=(Requirement(engine="onnxruntime", version="1.20"),),
)
Floats = npt.NDArray[np.float32]


class Scaling(Engine):
    """y = x in the units of each channel, as in an ONNX file of one Mul."""

    name = "onnxruntime"
    format = "onnx"
    units: ClassVar[Floats] = np.array(UNITS, np.float32)

    @classmethod
    def version(cls) -> str:
        return "1"

    def _load(self, path: Path, threads: int, optimisation: Optimisation) -> None: ...

    def _signature(self) -> Signature:
        shape = (-1, ANCHORS, 5)
        return Signature((TensorSpec("x", "float32", shape),), (TensorSpec("y", "float32", shape),))

    def _run(self, feeds: dict[str, Floats]) -> dict[str, Floats]:
        return {"y": feeds["x"] * self.units}


class Dead(Scaling):
    units: ClassVar[Floats] = np.array([640, 640, 640, 640, 0], np.float32)


class Swapped(Scaling):
    def _run(self, feeds: dict[str, Floats]) -> dict[str, Floats]:
        return {"y": super()._run(feeds)["y"][..., [1, 0, 2, 3, 4]]}


@pytest.fixture(scope="module")
def samples() -> Holdout:
    x = np.random.default_rng(0).random((64, ANCHORS, 5), np.float32)
    y = x * np.array(UNITS, np.float32)
    made = shipped_holdout({"x": x}, {"y": y}, {("v", "onnxruntime"): {"y": y}}, samples=16)
    return decode(encode(made))


@pytest.mark.parametrize("first", [False, True])
def test_what_was_proven_passes(samples: Holdout, first: bool) -> None:
    asked = samples.first() if first else samples
    check_holdout(Scaling(Path(__file__)), VARIANT, asked, CONTRACT)


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize(("engine", "channel"), [(Dead, "4"), (Swapped, "[01]")])
def test_a_dead_score_or_swapped_edges_are_refused(
    samples: Holdout, engine: type[Engine], channel: str, first: bool
) -> None:
    asked = samples.first() if first else samples
    sentence = rf"'y' has channel {channel} at -?\d+\.\d dB where \d\d\.\d dB is the least"
    with pytest.raises(HoldoutError, match=sentence):
        check_holdout(engine(Path(__file__)), VARIANT, asked, CONTRACT)


class Masked(Scaling):
    """Without an answer for the last anchor, as a model may be."""

    def _run(self, feeds: dict[str, Floats]) -> dict[str, Floats]:
        y = super()._run(feeds)["y"]
        y[:, -1] = -np.inf
        return {"y": y}


def test_infinities_are_refused_unless_the_model_has_them_and_the_contract_allows_them(
    samples: Holdout,
) -> None:
    with pytest.raises(HoldoutError, match=r"break the contract.*finite"):
        check_holdout(Masked(Path(__file__)), VARIANT, samples, CONTRACT)
    (output,) = CONTRACT.outputs
    allowing = msgspec.structs.replace(
        CONTRACT, outputs=(msgspec.structs.replace(output, nan="allow"),)
    )
    with pytest.raises(HoldoutError, match="'y' comes as NaN or infinity where the model gives"):
        check_holdout(Masked(Path(__file__)), VARIANT, samples, allowing)
    masked = Masked(Path(__file__)).run(samples.inputs)
    made = shipped_holdout(samples.inputs, masked, {("v", "onnxruntime"): masked})
    check_holdout(Masked(Path(__file__)), VARIANT, made, allowing)
    with pytest.raises(HoldoutError, match="other values where the model gives NaN or infinity"):
        check_holdout(Scaling(Path(__file__)), VARIANT, made, allowing)


def test_a_file_with_dead_scores_is_refused(samples: Holdout, tmp_path: Path) -> None:
    sound = onnx_models.units(tmp_path / "sound.onnx", UNITS, ANCHORS)
    check_holdout(open_engine("onnxruntime", VARIANT, sound, CONTRACT), VARIANT, samples, CONTRACT)
    dead = onnx_models.units(tmp_path / "dead.onnx", (*UNITS[:4], 0.0), ANCHORS)
    with pytest.raises(HoldoutError, match="'y' has channel 4"):
        check_holdout(
            open_engine("onnxruntime", VARIANT, dead, CONTRACT), VARIANT, samples, CONTRACT
        )
