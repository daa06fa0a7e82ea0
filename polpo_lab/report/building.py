"""Builds a report: the template's notebook, run by papermill over a journal, as one page.

The notebook is told the journal's folder and nothing else, since papermill writes parameters
in clear. What hangs on when and where it was built is taken out again, but for the time of the
build, which stands in the notebook's metadata and from there in one place of the page.
"""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from polpo_lab.analysis.comparison.roles import near
from polpo_lab.errors import InvalidArgument, ReportError
from polpo_lab.experiments.journal import Recorded, read_journal
from polpo_lab.experiments.journal.looks import note_look
from polpo_lab.hostile_text import one_line
from polpo_lab.report.as_markdown import escape_markdown
from polpo_lab.report.evidence import Evidence
from polpo_lab.report.secrets import without_secrets
from polpo_lab.report.sections import SECTIONS

TEMPLATE = Path(__file__).with_name("template.ipynb")
PAGE = Path(__file__).with_name("page")
FORMATS = ("html", "md")
# A pull request takes 65,536 characters.
MOST_MARKDOWN = 60_000
_SECTION_CELL = re.compile(r'report\.section\("(\w+)"\)')
# Machines that are busy start slowly; a kernel that died is noticed at once.
_START_SECONDS, _CELL_SECONDS = 300, 1_800


def build_report(
    folder: Path | str,
    out: Path | str,
    *,
    title: str | None = None,
    sections: Iterable[str] | None = None,
    format: str | None = None,  # noqa: A002
) -> Path:
    """Build the report of a journal.

    Parameters
    ----------
    folder : path or str
        Of the journal; no server is asked.
    out : path or str
        The file to write: ``.html`` comes with the executed notebook beside it.
    title : str, optional
        The experiment's name by default.
    sections : iterable of str, optional
        All by default, in the order of `SECTIONS` whatever order they are given in.
    format : {"html", "md"}, optional
        By the ending of ``out``, where that says one.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    InvalidArgument
        A section or format is unknown, or there is no folder to write to.
    JournalError
        There is no journal, or one of a newer format.
    ReportError
        The notebook failed; the message says at which section.
    """
    out = Path(out).expanduser()
    kind = _format_of(out, format)
    chosen = _sections(sections)
    recorded = read_journal(folder)
    _note_as_look(recorded)
    notebook = _notebook(title or recorded.plan.name, chosen)
    executed = _cleaned(_executed(notebook, told_folder(recorded.folder)))
    if kind == "md":
        out.write_text(_as_markdown(executed), encoding="utf-8")
        return out
    nbformat.write(executed, out.with_suffix(".ipynb"))
    out.write_text(_as_page(executed), encoding="utf-8")
    return out


def told_folder(folder: Path) -> str:
    """Return how a report names a journal's folder: from here, else from home, else in full.

    Parameters
    ----------
    folder : Path
        Absolute.
    """
    for start, prefix in ((Path.cwd(), ""), (_home(), "~/")):
        if start is not None and folder.is_relative_to(start) and folder != start:
            return f"{prefix}{folder.relative_to(start).as_posix()}"
    return folder.as_posix()


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:  # there is none
        return None


def _format_of(out: Path, asked: str | None) -> str:
    if asked is not None and asked not in FORMATS:
        raise InvalidArgument(f"format={asked!r}{near(asked, FORMATS)} Known: {', '.join(FORMATS)}")
    by_name = out.suffix.lstrip(".").lower()
    if by_name not in FORMATS:
        raise InvalidArgument(f"{str(out)!r}: the report is a file ending in .html or .md")
    if asked is not None and asked != by_name:
        raise InvalidArgument(
            f"{str(out)!r} ends in .{by_name}, but format={asked!r} was asked for"
        )
    if not out.parent.is_dir():
        raise InvalidArgument(f"{str(out)!r}: there is no folder {str(out.parent)!r} to write to")
    return by_name


def _sections(asked: Iterable[str] | None) -> list[str]:
    names = list(SECTIONS) if asked is None else [asked] if isinstance(asked, str) else list(asked)
    for name in names:
        if name not in SECTIONS:
            raise InvalidArgument(
                f"section {name!r} is unknown{near(name, SECTIONS)} Known: {', '.join(SECTIONS)}"
            )
    if not names:
        raise InvalidArgument(f"sections is empty. Known: {', '.join(SECTIONS)}")
    return [name for name in SECTIONS if name in names]


def _note_as_look(recorded: Recorded) -> None:
    """Write down that the results of an unfinished plan were looked at, where it can be."""
    progress = Evidence(recorded.folder).progress
    if progress is None or progress.is_finished:
        return
    told = {"n_ended": progress.n_ended, "n_planned": progress.n_planned}
    try:
        note_look(recorded.folder, {"by": ["report"], "metric": "all", "fixed": {}, **told})
    except OSError:  # somebody else's journal, or a copy that is kept from being changed
        return


def _notebook(title: str, sections: list[str]) -> NotebookNode:
    """Return the template with a title and only the sections that were asked for."""
    notebook = nbformat.read(TEMPLATE, as_version=4)
    kept = []
    for cell in notebook.cells:
        named = _SECTION_CELL.search(cell.source) if cell.cell_type == "code" else None
        if named is None or named[1] in sections:
            kept.append(cell)
    notebook.cells = kept
    shown = one_line(without_secrets(title), 200)
    notebook.metadata.title = shown
    notebook.cells[0].source = f"# {escape_markdown(shown)}"
    return notebook


def _executed(notebook: NotebookNode, folder: str) -> NotebookNode:
    import papermill
    from papermill.exceptions import PapermillExecutionError

    from polpo_lab.report.kernel import running_python

    logging.getLogger("papermill").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="polpo-lab-report-") as made:
        where = Path(made)
        nbformat.write(notebook, where / "template.ipynb")
        try:
            return papermill.execute_notebook(
                str(where / "template.ipynb"),
                None,
                parameters={"folder": folder},
                progress_bar=False,
                kernel_name="python3",
                start_timeout=_START_SECONDS,
                execution_timeout=_CELL_SECONDS,
                kernel_manager_class=running_python(where),
            )
        except PapermillExecutionError as error:
            raise ReportError(
                f"the report's notebook failed at {one_line(error.source, 80)!r}: "
                f"{error.ename}: {one_line(error.evalue, 400)}"
            ) from None
        except RuntimeError as error:  # nbclient's, of a kernel that died or never answered
            raise ReportError(f"no kernel could run the report's notebook: {error}") from error


def _cleaned(notebook: NotebookNode) -> NotebookNode:
    """Take out what hangs on this run: times, the machine's folders, chance ids."""
    built_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    notebook.metadata = nbformat.from_dict(
        {
            "title": notebook.metadata.title,
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "polpo_lab": {"built_at": built_at},
        }
    )
    for at, cell in enumerate(notebook.cells):
        cell.id = f"cell-{at}"
        cell.metadata = NotebookNode(tags=cell.metadata.get("tags", []))
        if cell.cell_type == "code":
            cell.outputs = [each for each in cell.outputs if each.output_type != "stream"]
    return notebook


def _as_page(notebook: NotebookNode) -> str:
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(
        template_name=PAGE.name, extra_template_basedirs=[str(PAGE.parent)], embed_images=True
    )
    page, _ = exporter.from_notebook_node(notebook, _resources())
    return str(page)


def _as_markdown(notebook: NotebookNode) -> str:
    from nbconvert import MarkdownExporter
    from traitlets.config import Config

    priority = Config({"NbConvertBase": {"display_data_priority": ["text/markdown"]}})
    exporter = MarkdownExporter(config=priority, exclude_input=True)
    told, _ = exporter.from_notebook_node(notebook)
    text = re.sub(r"\n{3,}", "\n\n", str(told)).strip()
    built = f"*Built {notebook.metadata.polpo_lab.built_at} by polpo-lab.*\n"
    if len(text) > MOST_MARKDOWN:
        kept = text[:MOST_MARKDOWN].rpartition("\n## ")[0]
        left_out = re.findall(r"^## (.*)$", text[len(kept) :], re.MULTILINE)
        text = f"{kept}\n\n*Left out, for length: {', '.join(left_out)}. The HTML report has all.*"
    return f"{text}\n\n{built}"


def _resources() -> dict[str, Any]:
    return {"page_css": (PAGE / "page.css").read_text(encoding="utf-8")}
