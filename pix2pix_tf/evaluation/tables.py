"""Tables in Markdown, and figures with their intervals."""

from collections.abc import Sequence


def markdown(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown: the first column is of words, the others of figures; a | in a cell is escaped."""
    lines = (head, ["---", *["---:"] * (len(head) - 1)], *rows)
    cells = [[str(cell).replace("|", r"\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def with_interval(mean: float, half: float | None, digits: int) -> str:
    """Write a mean with so many digits behind the point, and half of its interval where it has one: 0.412 ± 0.003."""
    return f"{mean:.{digits}f}" + ("" if half is None else f" ± {half:.{digits}f}")
