"""Every error that edgeml raises, by whose fault it is.

    EdgemlError                     exit code
    ├── InputError                  2   the person at the keyboard: a file, a flag, a value
    ├── AuthorError                     the model's author
    │   ├── ConversionError         3   no route could convert the model
    │   ├── ParityError             4   the converted model does not say the same
    │   ├── UndecidedError          13  whether it says the same cannot be told yet
    │   └── ContractError           5   tensors do not satisfy the contract
    ├── PublisherError                  whoever packed or published
    │   ├── PackageError            6   the package is malformed
    │   └── VerificationError       7   a digest, a generation or a size is not what was promised
    ├── RoadError                       what lies between publisher and device
    │   ├── BrokerError             8   the broker cannot be reached or does not answer
    │   ├── FetchError              8   bytes did not arrive in time, or not as they were sent
    │   └── StorageError            9   a disk is full or cannot be written
    └── DeviceError                     the limits of one device
        ├── EngineError             10  an inference engine is missing, too old or failed
        ├── HoldoutError            11  the shipped holdout does not come out as promised here
        └── StageError              12  staging took too long or too much memory

Exit code 0 is success and 1 an unforeseen bug. Each message is one sentence that says what was
expected, what was found and what to do. A caller's misuse of the Python API is a plain
`ValueError` or `TypeError`.
"""

from enum import StrEnum
from typing import ClassVar


class Category(StrEnum):
    """Taxonomy of system-related issues in ML frameworks (Ren, Kästner, Gay, Jamshidi)."""

    API_MISMATCH = "api-mismatch"
    COMPILATION = "compilation"
    CONFIGURATION = "configuration"
    CONNECTION = "connection"
    DATA_RACE = "data-race"
    EXECUTION = "execution"
    HARDWARE_MISMATCH = "hardware-architecture-mismatch"
    MEMORY_ALLOCATION = "memory-allocation"
    IO_SLOWDOWN = "io-slowdown"
    MEMORY_LEAK = "memory-leak"
    MODEL_CONVERSION = "model-conversion"
    MULTI_THREADING = "multi-threading"
    PERFORMANCE_REGRESSION = "performance-regression"
    SLOW_SYNCHRONISATION = "slow-synchronisation"
    UNEXPECTED_RESOURCE_USAGE = "unexpected-resource-usage"


class EdgemlError(Exception):
    """The root of the tree; `exit_code` ends a command, `category` names an event."""

    exit_code: ClassVar[int] = 1
    category: Category = Category.EXECUTION

    def __init__(self, message: str, *, category: Category | None = None) -> None:
        super().__init__(message)
        if category is not None:
            self.category = category


class InputError(EdgemlError):
    exit_code = 2
    category = Category.CONFIGURATION


class AuthorError(EdgemlError):
    """The model's author must act."""


class ConversionError(AuthorError):
    exit_code = 3
    category = Category.MODEL_CONVERSION


class ParityError(AuthorError):
    exit_code = 4
    category = Category.MODEL_CONVERSION


class UndecidedError(AuthorError):
    exit_code = 13
    category = Category.MODEL_CONVERSION


class ContractError(AuthorError):
    exit_code = 5
    category = Category.API_MISMATCH


class PublisherError(EdgemlError):
    """Whoever packed or published must act."""


class PackageError(PublisherError):
    exit_code = 6
    category = Category.CONFIGURATION


class VerificationError(PublisherError):
    exit_code = 7
    category = Category.CONFIGURATION


class RoadError(EdgemlError):
    """Network or disk; trying again may help."""


class BrokerError(RoadError):
    exit_code = 8
    category = Category.CONNECTION


class FetchError(RoadError):
    exit_code = 8
    category = Category.SLOW_SYNCHRONISATION


class StorageError(RoadError):
    exit_code = 9
    category = Category.UNEXPECTED_RESOURCE_USAGE


class DeviceError(EdgemlError):
    """This device cannot; another may."""


class EngineError(DeviceError):
    exit_code = 10
    category = Category.API_MISMATCH


class HoldoutError(DeviceError):
    exit_code = 11
    category = Category.EXECUTION


class StageError(DeviceError):
    exit_code = 12
    category = Category.UNEXPECTED_RESOURCE_USAGE


def first_line(text: str) -> str:
    """What an exception of others says, as far as it fits into a sentence of ours: its first line
    that is not blank; empty where there is none."""
    return next(iter(text.strip().splitlines()), "")


def said(error: BaseException) -> str:
    """The kind of an exception of others and, where it says anything, its first line."""
    line = first_line(str(error)).rstrip(".")
    return f"{type(error).__name__}: {line}" if line else type(error).__name__
