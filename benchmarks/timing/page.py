"""The page of the records: their curves, and the last of each case beside what is asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from timing.cases import ASKED_RATIO, ASKED_SECONDS, GROUPS, WHOLE, WORDS
from timing.records import Record, series

PAGE = Path(__file__).resolve().parents[2] / "docs" / "development" / "speed.md"
BEGIN, END = "<!-- records -->", "<!-- end of records -->"
PANELS = {
    "Filling, 64³": "fill-64",
    "Filling, 128³": "fill-128",
    "An iteration, 128³": "step",
    "Other computations": ("likelihood", "autodiff", "sum"),
    "Starting": ("import", "help"),
    "Whole runs": "run",
}


def draw(page: Path, records: Sequence[Record]) -> None:
    """Write the tables of the records between the marks of the page, and the curves beside it."""
    curves(page.with_suffix(".png"), records)
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


def curves(file: Path, records: Sequence[Record]) -> None:
    """Ratios over records, a panel for each kind of case, a line for each case of one series."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    names = [name for group in (*GROUPS, WHOLE) for name in group.cases.values()]
    kinds = list(dict.fromkeys(series(r) for r in records))
    fig, axes = plt.subplots(2, 3, figsize=(11, 6), layout="constrained")
    for axis, (title, beginning) in zip(axes.flat, PANELS.items(), strict=True):
        shown = [name for name in names if name.startswith(beginning)]
        for colour, name in enumerate(shown):
            for style, kind in enumerate(kinds):
                points = [
                    (number, r["cases"][name])
                    for number, r in enumerate(records, 1)
                    if series(r) == kind and name in r["cases"]
                ]
                if points:
                    x, made = zip(*points, strict=True)
                    axis.errorbar(
                        x,
                        [c["ratio"] for c in made],
                        yerr=[c["ratio"] * (c["spread"] or 0) / 2 for c in made],
                        fmt=("o-", "s--", "^:", "d-.")[style % 4],
                        color=f"C{colour}",
                        markersize=4,
                        linewidth=1,
                        label=re.sub(r"^(fill|step)-\d+-", "", name),
                    )
        axis.set_title(title, fontsize=10)
        axis.set_xlim(0.5, len(records) + 0.5)
        axis.set_ylim(bottom=0)
        axis.set_xticks(range(1, len(records) + 1, 1 + len(records) // 12))
        axis.set_xlabel("record")
        axis.set_ylabel("times import numpy" if title == "Starting" else "FFT pairs")
        handles, labels = axis.get_legend_handles_labels()
        if labels:
            unique = dict(zip(labels, handles, strict=True))
            axis.legend(unique.values(), unique.keys(), fontsize=8, frameon=False)
        else:
            axis.text(0.5, 0.5, "not measured", transform=axis.transAxes, ha="center", color="grey")
    fig.savefig(file, dpi=110)
    plt.close(fig)
