"""Ever later, up to an end."""


def seconds(first: float, most: float, times: int) -> float:
    """Before the next time, after `times` before it: doubled each time."""
    return min(first * 2.0 ** min(times, 32), most)
