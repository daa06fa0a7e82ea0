"""An experiment described in a TOML file, as ``polpo-lab run FILE`` takes it: read, checked, run.

What stands in it is what `Experiment` and its ``run`` take; docs/experiments.md has an
example. Paths in it are found from the file's own folder, and so is the journal.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from rich.console import Console

from polpo_lab.client.drafting import read_request
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiment import DEFAULT_CONCURRENCY, Experiment
from polpo_lab.experiments.budget import Budget
from polpo_lab.experiments.conditions import OWN_CRITERIA
from polpo_lab.experiments.run import Run
from polpo_lab.experiments.schedule import Only
from polpo_lab.experiments.suite import Suite
from polpo_lab.lab import Lab, connect
from polpo_lab.models.wire import WireRequest
from polpo_lab.results import EXPERIMENTS_FOLDER


def _several(names: Any) -> Any:
    return [names] if isinstance(names, str) else names


OneOrSeveral = Annotated[list[str], BeforeValidator(_several)]


class Select(WireRequest):
    """Which templates of the suite are tried; all that are left out select nothing."""

    id: OneOrSeveral | None = None
    family: OneOrSeveral | None = None
    tag: OneOrSeveral | None = None
    sample: int | None = Field(default=None, ge=1)
    seed: int = 0


class Server(WireRequest):
    """Where trials run: a server elsewhere, or an embedded one with the agents of a file.

    Without either, an embedded one with the demonstration's agents.
    """

    url: str | None = None
    agents: str | None = None
    data: str | None = None


class Limits(WireRequest):
    """The budget of each run; see `Budget`."""

    cost: float | None = Field(default=None, ge=0)
    tasks: int | None = Field(default=None, ge=0)
    hours: float | None = Field(default=None, ge=0)


class ExperimentFile(WireRequest):
    """What a file says.

    Attributes
    ----------
    name, agents, policies, criteria, repeats, seed, primary, folder
        As of `Experiment`; a set of criteria may be the text ``"own"``.
    suite : str
        A bundled suite's name, or a file.
    select : Select
    server : Server
    budget : Limits
    concurrency : int
    """

    name: str
    suite: str
    agents: OneOrSeveral = Field(min_length=1)
    policies: dict[str, Any] | None = None
    criteria: dict[str, Any] | None = None
    repeats: int = 1
    seed: int = 0
    primary: str | None = None
    folder: str | None = None
    select: Select = Select()
    server: Server = Server()
    budget: Limits = Limits()
    concurrency: int = Field(default=DEFAULT_CONCURRENCY, ge=1)


class FiledExperiment:
    """The experiment of a file.

    Parameters
    ----------
    path : pathlib.Path

    Raises
    ------
    InvalidArgument
        Naming the file, the field, the value and the rule.
    """

    def __init__(self, path: Path) -> None:
        self.told = read_experiment_file(path)
        self._beside = path.resolve().parent
        told = self.told
        suite = Suite.load(self._beside / told.suite if Path(told.suite).suffix else told.suite)
        chosen = suite.filter(
            **{
                axis: names
                for axis in ("id", "family", "tag")
                if (names := getattr(told.select, axis)) is not None
            }
        )
        if told.select.sample is not None:
            chosen = chosen.sample(told.select.sample, seed=told.select.seed)
        self.experiment = Experiment(
            told.name,
            chosen,
            told.agents,
            told.policies,
            _criteria(told.criteria),
            repeats=told.repeats,
            seed=told.seed,
            primary=told.primary,
            folder=self._beside / (told.folder or EXPERIMENTS_FOLDER / told.name),
        )

    def connect(self) -> Lab:
        """Connect to the server that the file names, or start the one it describes."""
        server = self.told.server
        if server.url is not None:
            if server.agents or server.data:
                raise InvalidArgument(
                    "server: agents and data belong to an embedded server: leave them out, or url"
                )
            return connect(server.url)
        data = server.data or ".polpo-lab"
        lab = connect(data=data if data == ":temporary:" else self._beside / data)
        if server.agents is None:
            lab.join_demonstration()
        else:
            _add_agents(lab, self._beside / server.agents)
        return lab

    def run(
        self, *, dry: bool = False, only: Only | None = None, console: Console | None = None
    ) -> Run:
        """Run what is missing, shown in a terminal, and return the run when it is over.

        Parameters
        ----------
        dry : bool
            Whether only to find out what would run.
        only : {"new", "infrastructure"} or callable, optional
            As of `Experiment.start`.
        console : rich.console.Console, optional
        """
        from polpo_lab.experiment_display import wait_and_show

        told = self.told
        budget = Budget(told.budget.cost, told.budget.tasks, told.budget.hours)
        options: dict[str, Any] = {
            "concurrency": told.concurrency, "budget": budget, "only": only,
        }  # fmt: skip
        with self.connect() as lab:
            if dry:
                return self.experiment.run(lab, dry=True, **options)
            return wait_and_show(self.experiment.start(lab, **options), console)


def read_experiment_file(path: Path) -> ExperimentFile:
    """Read and check a file; nothing that it names is opened.

    Raises
    ------
    InvalidArgument
        Naming the file, the field, the value and the rule.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidArgument(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"{path} is not TOML: {error}") from None
    read = read_request(ExperimentFile, document)
    if isinstance(read, ExperimentFile):
        return read
    raise InvalidArgument(f"{path}: " + "; ".join(problem.text for problem in read))


def _criteria(told: dict[str, Any] | None) -> dict[str, Any] | None:
    """Read the text "own" as what Python says with None, which TOML has no word for."""
    if told is None:
        return None
    return {name: None if given == OWN_CRITERIA else given for name, given in told.items()}


def _add_agents(lab: Lab, path: Path) -> None:
    import sys

    from polpo_lab.agents.loading import load_agents_file
    from polpo_lab.assess.loading import load_judges_file

    assert lab.server is not None
    sys.path.insert(0, str(path.parent))  # the modules of functions stand beside the file
    for agent in load_agents_file(path):
        lab.server.agents.add(agent)
    for judge in load_judges_file(path):
        lab.server.judges.add(judge)
