"""The JSON of Open Inference Protocol V2, without transport.

https://kserve.github.io/website/latest/modelserving/data_plane/v2_protocol/
"""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from edgeml import __version__
from edgeml.contract import Contract, Tensor
from edgeml.errors import ContractError, EngineError
from edgeml_runtime.serving.live import Identity, Prediction

_DATATYPES = {
    "bool": "BOOL", "float16": "FP16", "float32": "FP32", "float64": "FP64",
    **{f"{kind}{bits}": f"{kind.upper()}{bits}" for kind in ("int", "uint")
       for bits in (8, 16, 32, 64)},
}  # fmt: skip
_DTYPES = {theirs: ours for ours, theirs in _DATATYPES.items()}
Arrays = Mapping[str, npt.NDArray[Any]]


class InputTensor(msgspec.Struct, frozen=True):
    name: str
    shape: tuple[int, ...]
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] = {}


class RequestedOutput(msgspec.Struct, frozen=True):
    name: str
    parameters: dict[str, Any] = {}


class InferRequest(msgspec.Struct, frozen=True):
    """outputs: those wanted; empty means all."""

    inputs: tuple[InputTensor, ...]
    outputs: tuple[RequestedOutput, ...] = ()
    id: str | None = None
    parameters: dict[str, Any] = {}


def read_request(body: bytes) -> InferRequest:
    """Raises ContractError for anything that is not a request."""
    try:
        return msgspec.json.decode(body, type=InferRequest)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ContractError(
            f"The body is not a V2 inference request: {error}; send JSON with 'inputs', each with "
            "name, shape, datatype and data."
        ) from error


def tensors(request: InferRequest) -> dict[str, npt.NDArray[Any]]:
    """The request's inputs as arrays; raises ContractError naming the one that cannot be."""
    found: dict[str, npt.NDArray[Any]] = {}
    for tensor in request.inputs:
        if tensor.name in found:
            raise ContractError(f"The input {tensor.name!r} is there twice; send it once.")
        found[tensor.name] = _array(tensor)
    return found


def _array(tensor: InputTensor) -> npt.NDArray[Any]:
    name = tensor.name
    dtype = np.dtype(_DTYPES.get(tensor.datatype, "O"))
    if dtype.kind == "O":
        raise ContractError(
            f"The input {name!r} has datatype {tensor.datatype!r}; use one of {', '.join(_DTYPES)}."
        )
    try:
        values = np.asarray(tensor.data)
    except ValueError:  # rows of different lengths
        values = np.empty(0, object)
    allowed = {"b": "b", "i": "iu", "u": "iu", "f": "iuf"}[dtype.kind]
    if values.size and values.dtype.kind not in allowed:
        raise ContractError(f"The data of {name!r} are not all {tensor.datatype}; correct them.")
    if values.size and dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if int(values.min()) < limits.min or int(values.max()) > limits.max:
            raise ContractError(
                f"The data of {name!r} do not fit {tensor.datatype}, {limits.min} to {limits.max}; "
                "correct them."
            )
    shape = tensor.shape
    fits = all(size >= 0 for size in shape) and int(np.prod(shape, dtype=object)) == values.size
    if not fits:
        raise ContractError(
            f"The input {name!r} has {values.size} values where shape {list(shape)} needs another "
            "number; correct one of them."
        )
    with np.errstate(over="ignore"):  # a float that overflows is infinite and the contract says so
        try:
            return values.astype(dtype).reshape(shape)
        except (ValueError, OverflowError) as error:  # empty, and of a size beyond any memory
            raise ContractError(
                f"The input {name!r} cannot have shape {list(shape)}; correct it."
            ) from error


def check_outputs(request: InferRequest, contract: Contract) -> None:
    """Raises ContractError when an output is wanted that the model does not give."""
    given = [tensor.name for tensor in contract.outputs]
    for output in request.outputs:
        if output.name not in given:
            raise ContractError(
                f"There is no output {output.name!r}; the model gives {', '.join(given)}."
            )


def response(request: InferRequest, model: str, prediction: Prediction) -> dict[str, Any]:
    """Raises EngineError for an answer that is not finite."""
    wanted = [output.name for output in request.outputs] or list(prediction.outputs)
    return {
        "model_name": model,
        "model_version": prediction.version,
        **({"id": request.id} if request.id is not None else {}),
        "outputs": [_output(name, prediction.outputs[name]) for name in wanted],
    }


def _output(name: str, array: npt.NDArray[Any]) -> dict[str, Any]:
    if array.dtype.kind == "f" and not np.isfinite(array).all():  # JSON has no way to say it
        raise EngineError(f"The model answers NaN or infinity in {name!r}; send other data.")
    return {
        "name": name,
        "shape": list(array.shape),
        "datatype": _DATATYPES[array.dtype.name],
        "data": array.ravel().tolist(),
    }


def server_metadata() -> dict[str, Any]:
    return {"name": "edgeml", "version": __version__, "extensions": []}


def model_metadata(identity: Identity, contract: Contract) -> dict[str, Any]:
    return {
        "name": identity.model,
        "versions": [identity.version],
        "platform": f"edgeml_{identity.engine}",
        "inputs": [_described(tensor) for tensor in contract.inputs],
        "outputs": [_described(tensor) for tensor in contract.outputs],
    }


def _described(tensor: Tensor) -> dict[str, Any]:
    shape = [-1 if isinstance(size, str) else size for size in tensor.shape]
    return {
        "name": tensor.name,
        "datatype": _DATATYPES.get(tensor.dtype, tensor.dtype),
        "shape": shape,
    }
