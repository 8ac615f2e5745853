"""What MkDocs is given beside docs/: generated pages, notebooks, formulas, links that leave the folder."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
COPIED = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
"""Pages of the site that are files of the repository's root."""
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))

_FENCED = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
_DISPLAYED = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
_INLINE = re.compile(r"(?<![\w\\$])\$([^$\n]+?)\$(?![\w$])")


def on_files(files: Files, config: Any) -> Files:
    """Add the reference of commands and of Python, and pages of the root."""
    pages = {"reference/commands.md": commands(), "reference/api.md": api()}
    for name, source in COPIED.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        pages[name] = text.replace("](docs/", "](")
    for notebook in NOTEBOOKS:
        pages[f"notebooks/{notebook.stem}.md"] = as_page(notebook)
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    for notebook in NOTEBOOKS:
        files.append(
            File.generated(config, f"notebooks/{notebook.name}", content=notebook.read_text("utf-8"))
        )
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead links to files of the root to their pages, and write formulas in MathML."""
    depth = page.file.src_uri.count("/")
    for name, source in COPIED.items():
        markdown = markdown.replace(f"]({'../' * (depth + 1)}{source}", f"]({'../' * depth}{name}")
    for notebook in NOTEBOOKS:
        lead = "../" * depth
        markdown = markdown.replace(
            f"]({lead}../examples/notebooks/{notebook.name}", f"]({lead}notebooks/{notebook.stem}.md"
        )
    parts = _FENCED.split(markdown)
    parts[::2] = [_formulas(part) for part in parts[::2]]
    return "".join(parts)


def as_page(notebook: Path) -> str:
    """The text and the code of a notebook, which is kept without outputs, under a link to the file."""
    found = json.loads(notebook.read_text("utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in found]
    parts = [
        text.replace("](../../docs/", "](../")
        if cell["cell_type"] == "markdown"
        else f"```python\n{text}\n```"
        for cell, text in zip(found, texts, strict=True)
    ]
    link = f"[Download this notebook]({notebook.name}), or find it in `examples/notebooks/` of a checkout."
    return "\n\n".join([parts[0], link, *parts[1:]]) + "\n"


def commands() -> str:
    """Every command with its options, as `--help` has them."""
    import typer

    from sayre.cli import app

    parts = ["# Commands", "What `sayre COMMAND --help` prints. `sayre --version` prints the version."]
    parts += [
        "Every command takes `--quiet` (no progress, no summary), `--json` (results for scripts), `--help`."
    ]
    root = typer.main.get_command(app)
    for words, command in _walk(root, ()):
        parts += [f"## `sayre {' '.join(words)}`", *_described(command)]
    return "\n\n".join(parts) + "\n"


def _walk(command: Any, words: tuple[str, ...]) -> Any:
    for name in command.list_commands(None):
        found = command.get_command(None, name)
        if hasattr(found, "commands"):
            yield from _walk(found, (*words, name))
        else:
            yield (*words, name), found


def _described(command: Any) -> list[str]:
    """What a command does, and its options under the headings of its help."""
    heads: dict[str, list[str]] = {"Arguments": []}
    for parameter in command.params:
        if parameter.name in ("quiet", "as_json", "help"):
            continue
        if parameter.param_type_name == "argument":
            heads["Arguments"].append(f"- `{parameter.metavar}`: {_escaped(parameter.help or '')}")
        else:
            panel = getattr(parameter, "rich_help_panel", None) or "Options"
            heads.setdefault(panel, []).append(_option(parameter))
    told = [text for panel, lines in heads.items() if lines for text in (f"**{panel}**", "\n".join(lines))]
    return [(command.help or "").strip(), *told]


def _option(parameter: Any) -> str:
    value = f" {parameter.metavar}" if parameter.metavar and not parameter.is_flag else ""
    text = f"- `{', '.join(parameter.opts)}{value}`: {_escaped(parameter.help or '')}"
    if parameter.default not in (None, False, (), []):
        text += f" By default `{_plain(parameter.default)}`."
    return f"{text} Required." if parameter.required else text


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _escaped(text: str) -> str:
    return text.replace("*", r"\*").replace("<", "&lt;").replace("|", r"\|")


def api() -> str:
    """Every public name of the package, for mkdocstrings to describe."""
    import sayre

    parts = ["# Python, by name", "All of `import sayre`; [Sayre in Python](../python.md) has examples."]
    names = sorted(name for name in sayre.__all__ if name != "__version__")
    parts += [f"::: {_home(name)}.{name}" for name in names]
    return "\n\n".join(parts) + "\n"


def _home(name: str) -> str:
    """The module where a public name is defined."""
    import sayre

    return str(getattr(sayre, name).__module__)


def _formulas(text: str) -> str:
    text = _DISPLAYED.sub(lambda found: convert(found[1].strip(), display="block"), text)
    # In a span, for <math> at the beginning of a line would be a block.
    return _INLINE.sub(lambda found: f"<span>{convert(found[1])}</span>", text)
