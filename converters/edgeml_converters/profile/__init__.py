"""What a model file costs on this machine: latency, memory, operators, multiply-accumulates."""

from edgeml_converters.profile.document import EngineProfile, Layer, Profile, Profiles
from edgeml_converters.profile.measuring import measure

__all__ = ["EngineProfile", "Layer", "Profile", "Profiles", "measure"]
