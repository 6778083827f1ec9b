"""What a test needs and a machine does not have: skipped on a laptop, failed in CI.

Nothing else may depend on where the tests run, but other people's software looks at CI too: ONNX
Runtime then sends no telemetry, hypothesis takes another profile, PyTorch other defaults. So it is
taken away here, from this process and all that it starts, and kept under a name of ours.
"""

import os
from typing import NoReturn

import pytest

_NAME = "EDGEML_TESTS_MISSING"  # xdist's workers inherit it

if os.environ.pop("CI", None) == "true":
    os.environ[_NAME] = "fail"
# What a shell says about its terminal, and edgeml's own switch: each changes what commands print.
for _variable in ("COLUMNS", "EDGEML_DEBUG", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
    os.environ.pop(_variable, None)


def missing(reason: str) -> NoReturn:
    """Ends the test: `reason` says what is missing and how to get it."""
    if os.environ.get(_NAME) == "fail":
        pytest.fail(reason)
    pytest.skip(reason)
