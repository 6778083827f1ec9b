"""What an error says, as far as it fits into a sentence of ours."""


def first_line(text: str) -> str:
    """The first line that is not blank, without blanks before it; empty where there is none."""
    return next(iter(text.strip().splitlines()), "")
