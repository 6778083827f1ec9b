"""What a user writes without edgeml: torch.onnx.export of the digits CNN, with a free batch.

    python convert_bare.py FOLDER [--for-polygraphy]

writes FOLDER/bare.onnx; with the option also what `polygraphy run` compares it by: inputs.json and
outputs.json, the data and PyTorch's own answers.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from convert_models import digits


def main(folder: Path, for_polygraphy: bool) -> None:
    model = digits()
    with np.load(folder / "data.npz") as data:
        image = data["image"]
    torch.onnx.export(
        model,
        (torch.from_numpy(image[:2]),),
        folder / "bare.onnx",
        dynamo=True,
        dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
        input_names=["image"],
        output_names=["logits"],
        verbose=False,
    )
    if for_polygraphy:
        from polygraphy.comparator import IterationResult, RunResults
        from polygraphy.json import save_json

        with torch.no_grad():
            logits = model(torch.from_numpy(image))["logits"].numpy()
        save_json([{"image": image}], str(folder / "inputs.json"))
        results = RunResults()
        results.add([IterationResult({"logits": logits}, runner_name="torch")])
        results.save(str(folder / "outputs.json"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--for-polygraphy" in sys.argv)
