"""What counts as the same, by precision."""

from edgeml.manifest import Precision
from edgeml.parity import Tolerance

# At a lower precision values may differ more, but decisions hardly.
TOLERANCES: dict[Precision, Tolerance] = {
    "fp32": Tolerance(),
    "fp16": Tolerance(max_abs=1e-2, min_cosine=0.999, min_top1=0.99),
    "int8-weights": Tolerance(max_abs=5e-2, min_cosine=0.995, min_top1=0.97),
    "int8-dynamic": Tolerance(max_abs=0.1, min_cosine=0.99, min_top1=0.95),
    "int8": Tolerance(max_abs=0.25, min_cosine=0.97, min_top1=0.95),
}
