"""The magics: ``%polpo``, ``%tasks`` and ``%%task``. Each reads its line and makes one call.

What a magic does is written once, in `Lab`; here is only how a line of flags becomes that call.
"""

# IPython's magic decorators carry no types.
# mypy: disable-error-code="no-untyped-call, untyped-decorator"

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from polpo_lab.errors import PolpoLabError
from polpo_lab.hostile_text import one_line
from polpo_lab.lifecycle import STATUSES

if TYPE_CHECKING:
    import pandas as pd

    from polpo_lab.lab import Lab
    from polpo_lab.models import Task

_ACTIONS = ("connect", "status")
_HELP = argument("--help", action="store_true", help="show this, and do nothing")


@magics_class
class PolpoMagics(Magics):
    """The magics of one shell; they use the user's ``lab``, and make it if there is none."""

    @property
    def lab(self) -> Lab:
        """The lab in use: the user's own variable, else a new connection put there."""
        from polpo_lab.lab import Lab

        found = self._namespace.get("lab")
        return found if isinstance(found, Lab) else self._connect(None)

    @property
    def _namespace(self) -> dict[str, Any]:
        assert self.shell is not None
        names: dict[str, Any] = self.shell.user_ns
        return names

    def _connect(self, url: str | None) -> Lab:
        from polpo_lab.lab import connect

        lab = connect(url)
        try:
            lab.health()  # a lab that works is not given up for one that does not answer
        except PolpoLabError:
            lab.client.close()
            raise
        self._namespace["lab"] = lab
        return lab

    @magic_arguments()
    @_HELP
    @argument("action", nargs="?", default="status", help="connect or status (default)")
    @argument("url", nargs="?", help="where to connect to; left out: an embedded server")
    @line_magic
    def polpo(self, line: str) -> None:
        """Connect to Polpo, or say what is connected; the connection is the variable ``lab``.

        ``%polpo connect`` starts an embedded server, ``%polpo connect URL`` goes anywhere (with
        the key of POLPO_API_KEY), ``%polpo status`` says where you are and what is there.
        """
        if _shows_help(self.polpo, line):
            return
        args = _parsed(self.polpo, line)
        if args.action not in _ACTIONS:
            _refuse("%polpo", args.action, _ACTIONS)
        with _usage_errors():
            lab = self._connect(args.url) if args.action == "connect" else self.lab
            print(_status_text(lab))  # noqa: T201 - what the magic is for

    @magic_arguments()
    @_HELP
    @argument("--status", help=f"only tasks that are {', '.join(STATUSES)}")
    @argument("--group", help="only tasks of this group")
    @argument("--assign-to", help="only tasks of this agent")
    @line_magic
    def tasks(self, line: str) -> pd.DataFrame | None:
        """Return the tasks as a DataFrame."""
        if _shows_help(self.tasks, line):
            return None
        args = _parsed(self.tasks, line)
        if args.status is not None and args.status not in STATUSES:
            _refuse("--status", args.status, STATUSES)
        with _usage_errors():
            return self.lab.tasks.frame(
                status=args.status, group=args.group, assign_to=args.assign_to
            )

    @magic_arguments()
    @_HELP
    @argument("agent", help="name of the agent")
    @argument("--title", help="made from the description when left out")
    @argument(
        "--expect",
        action="append",
        default=[],
        help="a criterion, or an expectation as a JSON object; may be repeated",
    )
    @argument("--group", help="group that the task belongs to")
    @argument("--depends-on", action="append", help="title of a task; may be repeated")
    @argument("--max-retries", type=int, help="further attempts after the first (default 3)")
    @argument("--max-fix-attempts", type=int, help="fix rounds of each attempt")
    @argument("--max-duration", type=int, help="longest time of one round, in milliseconds")
    @argument("--priority", type=int, help="higher runs first")
    @argument("--seed", type=int, help="handed to the agent")
    @argument("--side-effects", action="store_true", help="a person approves the end")
    @argument("--no-wait", action="store_true", help="return at once; the card goes on")
    @line_cell_magic
    def task(self, line: str, cell: str = "") -> Task | None:
        """Create a task with the cell's text as its description, run it, and return it.

        The live card shows it meanwhile. The notebook's Stop ends the watching, not the task.
        """
        if _shows_help(self.task, line):
            return None
        args = _parsed(self.task, line)
        if not cell.strip():
            raise UsageError("%%task (double %) needs a description: write it below that line")
        with _usage_errors():
            lab = self.lab
            agents = _agent_names(lab)
            if args.agent not in agents:
                _refuse("agent", args.agent, agents)
            created = lab.tasks.create(**_fields(args, cell))
            return self._run(lab, created, wait=not args.no_wait)

    def _run(self, lab: Lab, created: Task, *, wait: bool) -> Task:
        from polpo_lab.notebook.running import run_with_card, start_with_card

        if wait:
            return run_with_card(lab, created)
        start_with_card(lab, created)
        return created

    def complete(self, _shell: Any, event: Any) -> list[str]:
        """Offer the agents' names after ``%%task``; never connects by itself."""
        from polpo_lab.lab import Lab

        lab = self._namespace.get("lab")
        words = event.line.split()
        at_first_word = len(words) <= 1 or (len(words) == 2 and not event.line.endswith(" "))  # noqa: PLR2004
        if not isinstance(lab, Lab) or not at_first_word:
            return []
        try:
            return [name for name in _agent_names(lab) if name.startswith(event.symbol)]
        except PolpoLabError:
            return []  # a server that does not answer must not break typing


def _agent_names(lab: Lab) -> list[str]:
    return [agent.name for agent in lab.client.agents.list()]


def _shows_help(magic: Any, line: str) -> bool:
    """Print what a magic takes, when its line asks for it: the rest of the line may be missing."""
    asked = "--help" in line.split()
    if asked:
        print(magic.parser.format_help().removeprefix("::").strip("\n"))  # noqa: T201
    return asked


def _parsed(magic: Any, line: str) -> Any:
    """Read a magic's line; quotes around a value are taken off, as a shell does."""
    args = parse_argstring(magic, line)
    for name, value in vars(args).items():
        if isinstance(value, str):
            setattr(args, name, _unquoted(value))
        elif isinstance(value, list):
            setattr(args, name, [_unquoted(each) for each in value])
    return args


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _fields(args: Any, cell: str) -> dict[str, Any]:
    """Turn the flags that were given into the fields of a task."""
    names = (
        "group", "depends_on", "max_retries", "max_fix_attempts", "max_duration",
        "priority", "seed",
    )  # fmt: skip
    fields = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    if args.side_effects:
        fields["side_effects"] = True
    if args.expect:
        fields["expectations"] = [_expectation(text) for text in args.expect]
    description = cell.strip("\n")
    title = args.title or one_line(description.strip().split("\n", 1)[0], 72)
    return {"title": title, "description": description, "assign_to": args.agent, **fields}


def _expectation(text: str) -> Any:
    if not text.lstrip().startswith("{"):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"--expect {text!r} looks like JSON and is none: {error}") from None


def _refuse(what: str, value: str, known: Any) -> NoReturn:
    near = difflib.get_close_matches(value, list(known), n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    names = ", ".join(known) or "none; add one with @lab.agent"
    raise UsageError(f"{what} {value!r} is unknown{hint} Known: {names}")


@contextmanager
def _usage_errors() -> Iterator[None]:
    """Show what the library refuses as one line instead of a traceback."""
    try:
        yield
    except PolpoLabError as error:
        raise UsageError(str(error)) from error


def _status_text(lab: Lab) -> str:
    health = lab.health()
    counts: dict[str, int] = {}
    for task in lab.tasks.list():
        counts[task.status] = counts.get(task.status, 0) + 1
    tasks = ", ".join(f"{counts[status]} {status}" for status in STATUSES if status in counts)
    where = "embedded server" if lab.server is not None else "server"
    lines = [
        f"{where} at {lab.url}, version {health.version or 'unknown'}",
        f"agents: {', '.join(_agent_names(lab)) or 'none yet: add one with @lab.agent'}",
        f"tasks: {tasks or 'none yet'}",
        f"sandbox: {health.sandbox or 'unknown'}",
    ]
    if lab.server is not None:
        lines.append(f"data: {lab.server.data}")
    return "\n".join(lines)
