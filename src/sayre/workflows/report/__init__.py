"""The report of a run: one page, the pictures of it, and Markdown."""

from sayre.workflows.report.beside import Beside
from sayre.workflows.report.markdown import report
from sayre.workflows.report.pictures import draw
from sayre.workflows.report.whole import html_report

__all__ = ["Beside", "draw", "html_report", "report"]
