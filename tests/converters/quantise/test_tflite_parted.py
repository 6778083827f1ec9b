"""What a .tflite file answers with an input, or twice with one tensor, is right in static int8."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeml_converters.formats.tflite_edit import read, write
from tests.converters.plain_figures import snr_db
from tests.converters.quantise.made import quantise_in_process, request, samples
from tests.converters.quantise.tflite_answers import ENGINES
from tests.converters.tflite_files import Graph, Op, Tensor, content

pytestmark = [pytest.mark.tensorflow, pytest.mark.torch]


def _layer(answers: tuple[tuple[str, int], ...]) -> bytes:
    """Tensor 0 is x, 2 is w x; answers: name in the signature and tensor of each."""
    full = (schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT())
    tensors = [Tensor("x", (1, 16)), Tensor("w", values=samples(1, 8, (16,))), Tensor("y", (1, 8))]
    dense = Op("FULLY_CONNECTED", (0, 1, -1), (2,), options=full)
    outputs = tuple(tensor for _, tensor in answers)
    model = read(content(Graph(tensors, [dense], outputs=outputs)))
    signature: Any = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = "serving_default", 0
    signature.inputs, signature.outputs = [], []
    for maps, name, index in (
        (signature.inputs, "x", 0),
        *((signature.outputs, name, index) for name, index in answers),
    ):
        named: Any = schema.TensorMapT()
        named.name, named.tensorIndex = name, index
        maps.append(named)
    model.signatureDefs = [signature]
    return write(model)


@pytest.mark.parametrize(
    "answers",
    [
        (("layer", 2), ("given", 0)),
        (("given", 0), ("again", 0), ("layer", 2)),
        (("layer", 2), ("again", 2)),
        (("layer", 2), ("again", 2), ("third", 2)),
    ],
)
def test_an_input_is_answered_as_it_came_and_a_layer_twice(
    tmp_path: Path, answers: tuple[tuple[str, int], ...]
) -> None:
    entry = tmp_path / "float.tflite"
    entry.write_bytes(_layer(answers))
    np.savez(tmp_path / "x.npz", x=samples(5, 64, (16,)))
    asked = request(entry, tmp_path / "int8", "int8 minmax", tmp_path / "x.npz")
    (done,) = quantise_in_process([asked])
    assert done.coverage == 100
    file = Path(asked.folder) / done.entry
    x = samples(6, 8, (16,))
    layer = x @ samples(1, 8, (16,)).T
    for engine in ENGINES:
        found = engine(file).run({"x": x})
        assert found.keys() == {name for name, _ in answers}
        for name, tensor in answers:
            if tensor:
                snr = snr_db(found[name].astype(np.float64), layer.astype(np.float64))
                assert snr is not None and snr > 25
            else:
                assert np.array_equal(found[name], x)
