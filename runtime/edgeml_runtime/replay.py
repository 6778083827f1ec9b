"""Plays recorded rows back through the live model without pause: a device's sensor for now.

`--record FILE` appends one CSV line a prediction; `lost` ones would be gaps in `sequence`:
sequence,row,start_ns,latency_us,version,generation,top1,status
"""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeml import atomic
from edgeml.contract import Contract, as_taken
from edgeml.errors import ContractError, EdgemlError, InputError, StorageError
from edgeml_runtime.device import Device
from edgeml_runtime.serving.live import Prediction

_TAIL_BYTES = 4096  # more than the longest line
HEADER = "sequence,row,start_ns,latency_us,version,generation,top1,status"


class Replay:
    """Rows of an .npz by input name; one lone array serves a model with one input.

    rate_hz: rows a second, 0 as fast as it goes. Raises InputError for a file without rows.
    """

    def __init__(self, path: Path, rate_hz: float = 0.0) -> None:
        self._path = path
        self._arrays = read_rows(path)
        self._rows = len(next(iter(self._arrays.values())))
        self._period = 1 / rate_hz if rate_hz else 0.0
        self._record: Record | None = None

    def record(self, path: Path) -> None:
        """Writes a line for each row from now on; raises as Record does."""
        self._record = Record(path)

    def run(self, device: Device) -> None:
        """Of a device with one model: waits for its first version and then goes round and round
        until the device stops.

        Raises InputError when the rows are not what the model takes.
        """
        try:
            if device.wait_ready():
                self._replay(device)
        finally:
            if self._record:
                self._record.close()

    def _replay(self, device: Device) -> None:
        contract = device.live().contract
        assert contract is not None
        tensors = self.bind(contract)
        samples = [
            {name: array[row : row + 1] for name, array in tensors.items()}
            for row in range(self._rows)
        ]
        sequence = 0
        due = time.monotonic()
        while not device.stopping.is_set():
            row = sequence % self._rows
            start_ns = time.time_ns()
            prediction, status = None, "ok"
            try:
                prediction = device.predict(samples[row])
            except ContractError:
                status = "refused"
            except EdgemlError:
                status = "failed"
            self._write(device, row, start_ns, prediction, status)
            sequence += 1
            due += self._period
            wait = due - time.monotonic()
            if wait > 0:
                device.stopping.wait(wait)
            elif wait < -1:  # a device that cannot keep the rate does not race after it
                due = time.monotonic()

    def _write(
        self, device: Device, row: int, start_ns: int, prediction: Prediction | None, status: str
    ) -> None:
        if self._record is None:
            return
        try:
            self._record.write(row, start_ns, prediction, status)
        except StorageError as error:  # said once; the predictions go on
            device.incident(error)
            self._record.close()
            self._record = None

    def bind(self, contract: Contract) -> dict[str, npt.NDArray[Any]]:
        """The arrays by the contract's names; raises InputError when they cannot be."""
        wanted = [tensor.name for tensor in contract.inputs]
        arrays = self._arrays
        if len(wanted) == 1 and len(arrays) == 1:
            arrays = {wanted[0]: next(iter(arrays.values()))}
        if any(name not in arrays for name in wanted):
            raise InputError(
                f"{self._path} has {', '.join(self._arrays)}, but the model takes "
                f"{', '.join(wanted)}; name the arrays so."
            )
        bound = as_taken(contract.inputs, {name: arrays[name] for name in wanted})
        try:
            contract.check_inputs({name: array[:1] for name, array in bound.items()})
        except ContractError as error:
            raise InputError(f"{self._path} cannot be replayed: {error}") from error
        return bound


def read_rows(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The input arrays of a data file, all of one length; labels and expected/ are left out."""
    if not path.is_file():
        raise InputError(f"There is no file {path}; give an .npz with the model's inputs.")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {
                key.removeprefix("inputs/"): archive[key]
                for key in archive.files
                if key != "labels" and not key.startswith(("expected/", "spread/", "noise/"))
            }
    except Exception as error:  # numpy raises whatever the bytes make it raise
        raise InputError(f"{path} is not a readable .npz ({error}); save it with numpy.") from error
    lengths = {len(a) if a.ndim else 0 for a in arrays.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise InputError(
            f"{path} must hold arrays of one and the same number of rows, but has "
            f"{sorted(lengths) or 'no array'}; save them again."
        )
    return arrays


class Record:
    """The CSV file, a whole line at a time; goes on behind what an earlier run has written."""

    def __init__(self, path: Path) -> None:
        """Raises InputError when the file is something else than a record, StorageError when it
        cannot be written."""
        self._path = path
        self._sequence = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = path.open("a+b", buffering=0)
            size = self._stream.seek(0, os.SEEK_END)
            if size == 0:
                self._stream.write(f"{HEADER}\n".encode())
            else:
                self._go_on(size)
        except OSError as error:
            raise atomic.storage_error(path, error) from error

    def _go_on(self, size: int) -> None:
        """Cuts off half a line that a kill has left, and counts on from the last whole one."""
        self._stream.seek(0)
        if self._stream.read(len(HEADER) + 1) != f"{HEADER}\n".encode():
            self._stream.close()
            raise InputError(
                f"{self._path} is no record of replayed rows; name another file by --record."
            )
        begin = max(size - _TAIL_BYTES, 0)
        self._stream.seek(begin)
        tail = self._stream.read()
        whole = tail[: tail.rfind(b"\n") + 1]
        os.ftruncate(self._stream.fileno(), begin + len(whole))
        last = whole.splitlines()[-1].decode()
        self._sequence = 0 if last == HEADER else int(last.split(",")[0]) + 1

    def write(self, row: int, start_ns: int, prediction: Prediction | None, status: str) -> None:
        if prediction is None:
            answer = ",,,"
        else:
            first = next(iter(prediction.outputs.values()))
            answer = (
                f"{prediction.latency_us:.1f},{prediction.version},{prediction.generation},"
                f"{int(first[0].argmax())}"
            )
        line = f"{self._sequence},{row},{start_ns},{answer},{status}\n"
        try:
            self._stream.write(line.encode())
        except OSError as error:
            raise atomic.storage_error(self._path, error) from error
        self._sequence += 1

    def close(self) -> None:
        self._stream.close()
