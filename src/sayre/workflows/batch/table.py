"""The table of a batch, as CSV and in a page with pictures."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from sayre.data.shown import number
from sayre.workflows.batch.row import BEFORE, COLUMNS, Row
from sayre.workflows.report.escaped import in_csv, in_markdown

TABLE, REPORT, PICTURE = "scans.csv", "report.md", "series.png"


def csv_text(rows: Sequence[Row]) -> str:
    """Return CSV with a line a scan; what is not known is empty."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(COLUMNS)
    lines.writerows([in_csv(getattr(row, name)) for name in COLUMNS] for row in rows)
    return text.getvalue()


def page(rows: Sequence[Row], folder: Path, *, waiting: int = 0, picture: bool = False) -> str:
    """Return a page in Markdown that leads to the report of each scan.

    Parameters
    ----------
    rows
        Scans that are done, or failed.
    folder
        Of the batch.
    waiting
        How many scans are not done yet.
    picture
        Whether there is a picture of the series.
    """
    parts = [f"# {in_markdown(folder.resolve().name)}: {len(rows) + waiting} scans", told(rows, waiting)]
    bad = [row for row in rows if row.failed]
    if bad:
        parts += ["## Failed", "\n".join(f"- {in_markdown(why(row))}" for row in bad)]
    good = [row for row in rows if not row.failed]
    if good:
        parts += ["## Results", _results(good, folder)]
    if picture:
        parts += ["## Along the series", f"![strain, size and place of the peak against scan]({PICTURE})"]
        if any(row.doubted for row in rows):
            parts.append(
                "Hollow points are scans that are not to be trusted, by the verdict of their reports."
            )
    parts.append(f"`{TABLE}` has these numbers and more, a line a scan.")
    return "\n\n".join(parts) + "\n"


def why(row: Row) -> str:
    """Return which scan failed, and why.

    Parameters
    ----------
    row
        Of a scan that failed.
    """
    named = row.error.startswith(row.source.partition("::")[0])
    return row.error if named else f"{row.source}: {row.error}"


def told(rows: Sequence[Row], waiting: int = 0) -> str:
    """Return in a sentence how far a batch is.

    Parameters
    ----------
    rows
        Scans that are done, or failed.
    waiting
        How many scans are not done yet.
    """
    return f"{so_far(rows, waiting)}."


def so_far(rows: Sequence[Row], waiting: int = 0) -> str:
    """Return how far a batch is, without a full stop: more may follow on the line.

    Parameters
    ----------
    rows
        Scans that are done, or failed.
    waiting
        How many scans are not done yet.
    """
    bad = sum(row.failed for row in rows)
    before = sum(row.status == BEFORE for row in rows)
    text = f"{len(rows) - bad} of {len(rows) + waiting} scans are done"
    text += f" ({before} of them before)" if before else ""
    text += f", {bad} failed" if bad else ""
    return text + (f", {waiting} not yet" if waiting else "")


def _results(rows: Sequence[Row], folder: Path) -> str:
    heads = (
        "scan",
        "verdict",
        "R",
        "free",
        "starts",
        "agreement",
        "size (nm)",
        "strain, rms (%)",
        "planes (Å)",
        "warnings",
    )
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in rows:
        strain = None if row.strain_rms is None else 100 * row.strain_rms
        cells = (
            f"[{row.scan}]({row.scan}/{_report(folder / row.scan)})",
            in_markdown(row.verdict or ""),
            _shown(row.residual, ".3f"),
            _shown(row.free_likelihood, ".3g"),
            f"{row.averaged} of {row.runs}",
            _shown(row.agreement, ".3f"),
            _shown(row.size_nm, ".4g"),
            _shown(strain, ".3g"),
            _shown(row.spacing_angstrom, ".6g"),
            str(row.warnings),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _report(folder: Path) -> str:
    """The report in the folder of a scan."""
    return next((name for name in ("report.html", "report.md") if (folder / name).is_file()), "report.md")


def _shown(value: float | None, how: str) -> str:
    return "" if value is None else number(value, how)
