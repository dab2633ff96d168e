"""The page as Markdown: tables that stay intact and no markup from names, whatever the data holds."""

from __future__ import annotations

from collections.abc import Iterator

from firstlight.report.blocks import Block, Bullets, Chart, Command, Heading, Page, Picture, Table, Text, Verdict
from firstlight.text import markdown, visible

MARKS = {"yes": "✓", "no": "✗", "warning": "!"}


def render_markdown(page: Page) -> str:
    """Writes baseline_results.md."""
    parts = [
        f"# Baseline results: {markdown(page.name)}",
        *_verdict(page.verdict),
        "The same with interactive curves: [report.html](report.html).",
    ]
    for section in page.sections:
        parts.append(f"## {section.title}")
        for block in section.blocks:
            parts += _block(block)
    return "\n\n".join(parts) + "\n"


def _verdict(verdict: Verdict) -> Iterator[str]:
    yield f"**{verdict.verdict.upper()}** – {markdown(verdict.headline)}"
    yield _table(("", ""), verdict.figures, numbers_from=2)
    if verdict.reasons:
        yield "\n".join(["Why:", "", *(f"- {markdown(reason)}" for reason in verdict.reasons)])
    yield "Next:"
    yield _code(verdict.next)
    if verdict.page:
        yield "Read:"
        yield _code(f"firstlight explain {verdict.page}")


def _block(block: Block) -> Iterator[str]:
    match block:
        case Text():
            mark = "**Note:** " if block.tone == "warning" else ""
            yield f"{mark}{markdown(block.text)}"
        case Heading():
            yield f"### {markdown(block.text)}"
        case Table():
            yield _table(block.columns, block.rows, block.numbers_from)
            if block.note:
                yield markdown(block.note)
        case Picture():
            yield f"![{markdown(block.alt)}]({block.path})"
        case Chart():
            yield from _block(block.picture)
        case Bullets():
            yield "\n".join(f"- {MARKS[m] + ' ' if m else ''}{markdown(t)}" for m, t in block.items)
        case Command():
            yield _code(block.text)


def _table(columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...], numbers_from: int) -> str:
    lines = [
        _row(columns),
        "|" + "|".join(":--" if i < numbers_from else "--:" for i in range(len(columns))) + "|",
        *(_row(row) for row in rows),
    ]
    return "\n".join(lines)


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(markdown(cell) for cell in cells) + " |"


def _code(command: str) -> str:
    """An indented block: nothing in it can end it, because a command is one visible line."""
    return f"    {visible(command)}"
