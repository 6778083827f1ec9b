"""Whether a file is right, by its engine and a few lines of numpy: no judge of edgeml's.

    python check.py FOLDER

reads FOLDER/files.json, a list of [key, path, inputs, outputs], runs each file on inputs.npz, one
sample after another, and prints as JSON how far each is from the framework's own answers.npz.
`inputs` and `outputs` are {name of the model's: name of the file's}, null or empty where nobody
says.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import edgeml as edgeml  # keeps onnxruntime from phoning home

Arrays = dict[str, np.ndarray]
# Each output of the model by name, and the file's own name of it where it is known.
Asked = Sequence[tuple[str, str | None]]


def noise(answered: np.ndarray, expected: np.ndarray) -> tuple[float | None, float | None]:
    """Signal to noise in dB over the whole output; the largest difference in shares of its spread.

    The spread is that of all samples around the mean sample, so what never changes is no signal.
    """
    answered, expected = answered.astype(np.float64), expected.astype(np.float64)
    if answered.shape != expected.shape or not np.isfinite(answered).all():
        return None, None
    difference = answered - expected
    spread = float(np.sqrt(np.mean((expected - expected.mean(0)) ** 2)))
    size = float(np.sqrt(np.mean(difference**2)))
    if spread == 0:
        return (None, None) if size else (200.0, 0.0)
    snr = 200.0 if size == 0 else 20 * float(np.log10(spread / size))
    return snr, float(np.abs(difference).max()) / spread


def found(answers: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> dict[str, Any]:
    """The worst output; snr is null where one has another shape, NaN or is missing."""
    if len(answers) != len(expected):
        return {"snr": None, "most": None, "error": f"{len(answers)} outputs, not {len(expected)}"}
    pairs = [noise(a, b) for a, b in zip(answers, expected, strict=True)]
    if any(snr is None for snr, _ in pairs):
        return {"snr": None, "most": None, "error": "another shape, or not finite"}
    return {"snr": min(snr for snr, _ in pairs), "most": max(most for _, most in pairs)}


def numbered(names: Sequence[str]) -> list[str]:
    """In the order of the number in each, as exporters that forget names count them."""
    return sorted(names, key=lambda name: [int(n) for n in re.findall(r"\d+", name)])


def paired(wanted: Sequence[str], names: Sequence[str], given: Mapping[str, str] | None) -> Any:
    """The file's name for each of the model's: as given, or its own, else by order."""
    if given is not None and set(given) <= set(wanted):
        return dict(given)
    if given is not None:
        return dict(zip(wanted, given.values(), strict=True))
    if set(names) <= set(wanted):
        return {name: name for name in names}
    return dict(zip(wanted, names, strict=False))


def asked_for(outputs: Asked, names: Sequence[str]) -> list[str]:
    """The file's outputs in the model's order: as given, by the same names, else in their order."""
    given = [of for _, of in outputs if of is not None]
    if len(given) == len(outputs):
        return given
    wanted = [name for name, _ in outputs]
    return wanted if set(wanted) == set(names) else list(names)


def run_onnx(path: Path, inputs: Arrays, given: Any, outputs: Asked) -> Any:
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = paired(list(inputs), [i.name for i in session.get_inputs()], given)
    asked = asked_for(outputs, [o.name for o in session.get_outputs()])
    kinds = {i.name: i.type for i in session.get_inputs()}
    calls = []
    for sample in range(len(next(iter(inputs.values())))):
        feed = {of: _as(inputs[name][sample : sample + 1], kinds[of]) for name, of in names.items()}
        calls.append(session.run(asked, feed))
    return [np.concatenate(parts) for parts in zip(*calls, strict=True)]


def _as(array: np.ndarray, kind: str) -> np.ndarray:
    kinds = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
    return array.astype(kinds.get(kind, array.dtype))


def run_tflite(path: Path, inputs: Arrays, given: Any, outputs: Asked) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    runner = interpreter.get_signature_runner()
    details = runner.get_input_details()
    tensors = {detail["name"]: name for name, detail in details.items()}
    given = given and {name: tensors.get(of, of) for name, of in given.items()}
    names = paired(list(inputs), numbered(list(details)), given)
    leaves = runner.get_output_details()
    known = {detail["name"]: name for name, detail in leaves.items()}
    outputs = [(name, of and known.get(of, of)) for name, of in outputs]
    asked = asked_for(outputs, numbered(list(leaves)))
    calls = []
    for sample in range(len(next(iter(inputs.values())))):
        feed = {
            of: inputs[name][sample : sample + 1].astype(details[of]["dtype"])
            for name, of in names.items()
        }
        answered = runner(**feed)
        calls.append([answered[name].copy() for name in asked])
    return [np.concatenate(parts) for parts in zip(*calls, strict=True)]


def check(
    path: Path, inputs: Arrays, expected: Sequence[np.ndarray], given: Any, outputs: Any
) -> Any:
    run = run_onnx if path.suffix == ".onnx" else run_tflite
    try:
        return found(run(path, inputs, given, outputs), expected)
    except Exception as error:  # an engine that cannot run it is what is looked for
        words = str(error).strip().splitlines() or [type(error).__name__]
        return {"snr": None, "most": None, "error": words[0][:200]}


def main(folder: Path) -> None:
    with np.load(folder / "inputs.npz") as data:
        inputs = {name: data[name] for name in data.files}
    with np.load(folder / "answers.npz") as data:
        expected = [data[str(i)] for i in range(len(data.files))]
    names = json.loads((folder / "answers.json").read_text())
    results = {}
    for key, path, given, outputs in json.loads((folder / "files.json").read_text()):
        known = outputs or {}
        if len(known) == len(names) == 1:
            known = {names[0]: next(iter(known.values()))}
        asked = [(name, known.get(name)) for name in names]
        results[key] = check(folder / path, inputs, expected, given or None, asked)
    print(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
