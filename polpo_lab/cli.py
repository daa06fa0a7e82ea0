"""The command line, ``polpo-lab``: each command is one call into the library.

Results go to stdout, everything said about them to stderr; exit codes are 0, 1 for a
failure, 2 for a wrong call and, of ``run``, 3 for trials that are left without a result.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polpo_lab import __version__
from polpo_lab.errors import InvalidArgument, InvalidSuite, PolpoLabError

if TYPE_CHECKING:
    from polpo_lab.experiments.run import Run
    from polpo_lab.experiments.suite import Suite
    from polpo_lab.server.embedded import EmbeddedServer

app = typer.Typer(
    name="polpo-lab",
    help="Evaluate AI agents with Polpo: live tasks, experiments, honest comparisons.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line; our own errors are one line on stderr, exit code 1."""
    try:
        app()
    except PolpoLabError as error:
        typer.echo(f"polpo-lab: {error}", err=True)
        sys.exit(1)


@app.callback(invoke_without_command=True)
def _about(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = 0,
    data: Annotated[
        str | None,
        typer.Option(help="Data folder; ':temporary:' for one that goes with the server."),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(help="What clients send as Bearer token; else POLPO_LAB_TOKEN, else random."),
    ] = None,
    agents: Annotated[
        Path | None, typer.Option(help="Agents file (TOML); else the demonstration's agents.")
    ] = None,
    judge: Annotated[
        list[str] | None, typer.Option(help="A Python judge, as module:function. Repeatable.")
    ] = None,
    sandbox: Annotated[
        str, typer.Option(help="auto, require (refuse to start without walls) or off.")
    ] = "auto",
    concurrency: Annotated[int, typer.Option(help="Most process agents at once.", min=1)] = 64,
    max_fix_attempts: Annotated[
        int, typer.Option(help="Fix rounds of each attempt where a task does not say.", min=0)
    ] = 2,
) -> None:
    """Run the embedded server alone, until interrupted."""
    from polpo_lab.agents.loading import load_agents_file
    from polpo_lab.assess.loading import load_judge, load_judges_file
    from polpo_lab.server.embedded import EmbeddedServer

    if sandbox not in ("auto", "require", "off"):
        raise typer.BadParameter(f"{sandbox!r}: use auto, require or off", param_hint="--sandbox")
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    sys.path.insert(0, str(agents.resolve().parent if agents else Path.cwd()))
    given, source = _token(token)
    server = EmbeddedServer(
        data,
        host=host,
        port=port,
        token=given,
        sandbox=sandbox,  # type: ignore[arg-type]  # checked above
        concurrency=concurrency,
        max_fix_attempts=max_fix_attempts,
    )
    for each in load_agents_file(agents) if agents else ():
        server.agents.add(each)
    for taken in [*(load_judges_file(agents) if agents else ()), *map(load_judge, judge or ())]:
        server.judges.add(taken)
    if agents is None:
        from polpo_lab.demo import join

        join(server.agents, server.judges)
    # Uvicorn raises the signal again after its shutdown; this way our own clean-up still runs.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.serve(on_ready=lambda: _say_where(server, source))


def _token(option: str | None) -> tuple[str | None, str]:
    if option:
        return option, "from --token"
    environment = os.environ.get("POLPO_LAB_TOKEN")
    if environment:
        return environment, "from POLPO_LAB_TOKEN"
    return None, "random"


def _say_where(server: EmbeddedServer, source: str) -> None:
    """Print the start-up lines; the token itself only when random and on a terminal."""
    typer.echo(f"polpo-lab {__version__} serves {server.url}/v1")
    shown = ""
    if source == "random" and sys.stdout.isatty():
        shown = f": {server.token.get_secret_value()}"
    typer.echo(f"token    {source}{shown}")
    typer.echo(f"data     {server.data}")
    assert server.engine is not None
    sandbox = server.engine.sandbox
    typer.echo(f"sandbox  {sandbox.description}")
    if str(server.recovered):
        typer.echo(f"recovered after a stop: {server.recovered}")
    typer.echo(f"agents   {', '.join(server.agents.names()) or 'none'}")
    sys.stdout.flush()


@app.command()
def gc(
    older_than: Annotated[
        str, typer.Option(help="Age of the tasks at rest that go, such as 12h, 30d or 8w.")
    ],
    data: Annotated[str | None, typer.Option(help="Data folder; .polpo-lab by default.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Delete old tasks from a data folder, and every kept file that no task needs any more."""
    from polpo_lab.server.retention import collect, read_age

    typer.echo(collect(data, read_age(older_than), dry_run=dry_run))


@app.command()
def demo(
    templates: Annotated[int, typer.Option(help="How many templates of the suite.", min=1)] = 12,
    data: Annotated[
        str | None, typer.Option(help="Data folder; .polpo-lab/demo by default.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of every agent's search.")] = 1,
) -> None:
    """Watch five real program-searching agents at work on an embedded Polpo."""
    from polpo_lab.demonstration import demonstrate

    demonstrate(templates=templates, data=data, seed=seed)


suites_app = typer.Typer(help="List the suites that come along, or check one of your own.")
app.add_typer(suites_app, name="suites")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@suites_app.callback(invoke_without_command=True)
def suites(context: typer.Context, as_json: AsJson = False) -> None:
    """List the suites that come with polpo-lab."""
    if context.invoked_subcommand is not None:
        return
    from polpo_lab.experiments.sources.bundled import bundled_files
    from polpo_lab.experiments.suite import Suite

    found = [Suite.load(name) for name in bundled_files()]
    if as_json:
        typer.echo(json.dumps([_about_suite(suite) for suite in found]))
        return
    for suite in found:
        typer.echo(suite.summary)
        typer.echo(f"  {suite.description}\n  licence: {suite.licence}")
        typer.echo(f"  polpo_lab.Suite.load({suite.name!r})")


@suites_app.command()
def check(
    file: Annotated[Path, typer.Argument(help="JSON Lines, YAML or CSV.")],
    as_json: AsJson = False,
) -> None:
    """Check a suite's file: print every problem with its line; exit code 1 if there is any."""
    from polpo_lab.experiments.suite import Suite

    try:
        suite = Suite.load(file)
    except InvalidArgument as error:
        problems = list(error.problems) if isinstance(error, InvalidSuite) else [str(error)]
        if as_json:
            typer.echo(json.dumps({"file": str(file), "valid": False, "problems": problems}))
        else:
            typer.echo("\n".join(problems))
        raise typer.Exit(1) from None
    if as_json:
        about = _about_suite(suite)
        typer.echo(json.dumps({"file": str(file), "valid": True, "problems": [], **about}))
    else:
        typer.echo(f"{file} is valid: {suite.summary}")


def _about_suite(suite: Suite) -> dict[str, Any]:
    families = {template.family for template in suite if template.family}
    return {
        "name": suite.name,
        "templates": len(suite),
        "families": len(families),
        "families_are": suite.families,
        "hash": suite.hash,
        "description": suite.description,
        "licence": suite.licence,
    }


@app.command()
def lab(
    notebook: Annotated[
        Path | None, typer.Argument(help="The notebook to open; the quickstart by default.")
    ] = None,
) -> None:
    """Open JupyterLab on the quickstart notebook."""
    quickstart = Path(__file__).parents[1] / "notebooks" / "01_quickstart.ipynb"
    chosen = notebook or quickstart
    command = [sys.executable, "-m", "jupyterlab", str(chosen)]
    if os.geteuid() == 0:  # as in a container; Jupyter would refuse, and there is no other user
        command.append("--allow-root")
    raise typer.Exit(subprocess.run(command, check=False).returncode)


_TRIALS_LEFT = 3


@app.command()
def run(
    file: Annotated[Path, typer.Argument(help="The experiment, in TOML; see docs/experiments.md.")],
    dry: Annotated[bool, typer.Option("--dry", help="Run nothing: list what would, and why.")] = (
        False
    ),
    part: Annotated[
        str | None,
        typer.Option(help="Such as 2/4: the second of four equal parts, for one of four machines."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run what is missing of an experiment; exit code 3 when trials are left without a result.

    Stopped by Ctrl-C, a budget or a kill, it goes on when it is called again.
    """
    from rich.console import Console

    from polpo_lab.experiment_file import FiledExperiment
    from polpo_lab.experiments.schedule import part_of

    filed = FiledExperiment(file)
    only = None if part is None else part_of(part)
    found = filed.run(dry=dry, only=only, console=Console(stderr=True))
    about = _about_run(found, filed.experiment.folder)
    if as_json:
        typer.echo(json.dumps(about))
    elif dry:
        for each in found.todo:
            typer.echo(each.words)
    else:
        typer.echo(filed.experiment.folder)
    raise typer.Exit(_TRIALS_LEFT if about["left"] and not dry else 0)


def _about_run(found: Run, folder: Path) -> dict[str, Any]:
    snapshot = found.snapshot()
    return {
        "experiment": found.plan.name,
        "folder": str(folder),
        "reason": found.reason,
        "planned": snapshot.planned,
        "counts": dict(snapshot.counts),
        "left": snapshot.counts["todo"] + snapshot.counts["missing"],
        "cost": snapshot.cost,
        "unpriced": snapshot.unpriced,
        "seconds": round(snapshot.seconds, 3),
        "troubles": [
            {"message": trouble.message, "count": trouble.count} for trouble in snapshot.troubles
        ],
    }


_Experiment = Annotated[Path, typer.Argument(help="Folder of an experiment, with its journal.")]


@app.command()
def export(
    folder: _Experiment,
    out: Annotated[Path, typer.Option(help="Folder to write to; made, or empty.")],
    format_: Annotated[
        str, typer.Option("--format", help="parquet (partitioned by agent and policy) or jsonl.")
    ] = "parquet",
) -> None:
    """Write the frames of an experiment for other tools."""
    from polpo_lab.analysis.exporting import export as write_frames
    from polpo_lab.experiments.journal import read_journal

    if format_ not in ("parquet", "jsonl"):
        raise typer.BadParameter(f"{format_!r}: use parquet or jsonl", param_hint="--format")
    for path in write_frames(read_journal(folder), out, format=format_):  # type: ignore[arg-type]
        typer.echo(path)


@app.command()
def report(
    folder: _Experiment,
    out: Annotated[
        Path | None, typer.Option(help="File to write; report.html or report.md by default.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="The experiment's name by default.")] = None,
    section: Annotated[
        list[str] | None, typer.Option(help="Only this section. Repeatable; all by default.")
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", help="html (a page) or md (for a pull request).")
    ] = None,
) -> None:
    """Build the report of an experiment: one page, and the notebook that made it."""
    from polpo_lab.results import Results

    target = out or Path(f"report.{format_ or 'html'}")
    made = Results(folder).report(
        target,
        title=title,
        sections=section,
        format=format_,  # type: ignore[arg-type]  # checked there
    )
    typer.echo(made)


@app.command()
def verify(
    path: Annotated[Path, typer.Argument(help="A report (.html), or the folder of an experiment.")],
    journal: Annotated[
        Path | None, typer.Option(help="Of a report: its journal, where it is not found by itself.")
    ] = None,
) -> None:
    """Recompute a report's numbers, or an experiment's hashes; exit code 1 when any differs."""
    from polpo_lab.analysis.verifying import verify as recompute
    from polpo_lab.report.verifying import verify_report

    found = recompute(path) if path.is_dir() else verify_report(path, journal)
    typer.echo(found)
    raise typer.Exit(0 if found.ok else 1)


@app.command()
def merge(
    folders: Annotated[list[Path], typer.Argument(help="Folders of experiments of one plan.")],
    into: Annotated[Path, typer.Option(help="Folder of the new journal; made, or empty.")],
) -> None:
    """Merge journals of one plan, run on several machines, into one."""
    from polpo_lab.analysis.compaction import compact
    from polpo_lab.experiments.journal import merge as merge_journals

    typer.echo(merge_journals(folders, into))
    compact(into)


if __name__ == "__main__":
    main()
