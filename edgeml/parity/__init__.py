"""Parity: does this model still say what the original said? Pure numpy, on workstation and device.

What an output means is in roles.py; the figures that its role is judged by in requirements.py and
what that calls, their limits with the reasons in limits.py; what is said of them in answers.py and
words.py. By shipped.py a device checks the few samples that it is given.
"""

from edgeml.parity.figures import Array

__all__ = ["Array"]
