"""edgeml takes a trained model to a monitored fleet of devices: the shared language."""

import os

from edgeml.quiet import be_quiet

__version__ = "0.1.0"

# Here, because every process of ours passes here before it loads an engine.
be_quiet(os.environ)
