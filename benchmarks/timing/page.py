"""The page of the records: their picture, and the last of each case beside what is asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from timing import curves
from timing.cases import ASKED_RATIO, ASKED_SECONDS, WORDS
from timing.records import Record

PAGE = Path(__file__).resolve().parents[2] / "docs" / "development" / "speed.md"
BEGIN, END = "<!-- records -->", "<!-- end of records -->"


def draw(page: Path, records: Sequence[Record]) -> None:
    """Write the tables of the records between the marks of the page, and the picture beside it."""
    curves.draw(page.with_suffix(".png"), records)
    text = page.read_text()
    if BEGIN not in text or END not in text:
        raise SystemExit(f"{page.name}: no {BEGIN} and {END} to write between")
    before, after = text[: text.index(BEGIN)], text[text.index(END) :]
    page.write_text(f"{before}{BEGIN}\n\n{tables(records)}\n\n{after}")


def tables(records: Sequence[Record]) -> str:
    """The records, and the last of each case."""
    rows = [
        "| record | date | version | PyTorch | processor | cores | clock | threads | cases |",
        "|---" * 9 + "|",
    ]
    for number, r in enumerate(records, 1):
        cells = (number, r["date"], r["version"], r["torch"], r["cpu"], r["cores"], r["clock"], r["threads"])
        rows.append("| " + " | ".join(map(str, (*cells, len(r["cases"])))) + " |")
    rows += ["", "| case | is | seconds | ratio | spread | asked | record |", "|---" * 7 + "|"]
    for name, words in WORDS.items():
        ask = f" {asked(name)}".rstrip()
        found = [(number, r["cases"][name]) for number, r in enumerate(records, 1) if name in r["cases"]]
        if not found:
            rows.append(f"| `{name}` | {words} | not measured | | |{ask} | |")
            continue
        number, case = found[-1]
        spread = "once" if case["spread"] is None else f"{100 * case['spread']:.0f} %"
        numbers = f"{figures(case['seconds'])} | {figures(case['ratio'])} | {spread}"
        rows.append(f"| `{name}` | {words} | {numbers} |{ask} | {number} |")
    return "\n".join(rows)


def asked(name: str) -> str:
    """What is asked of a case."""
    if name in ASKED_SECONDS:
        return f"under {ASKED_SECONDS[name]:g} s"
    return f"ratio at most {ASKED_RATIO[name]:g}" if name in ASKED_RATIO else ""


def figures(value: float) -> str:
    """Three significant figures, without exponent."""
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3 if value >= 0.1 else 4
    return f"{value:.{decimals}f}"
