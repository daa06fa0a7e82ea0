"""Scores rounds, several at once: each in a folder of its own, with the kept files put back."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from polpo_lab.assess.assessment import assess
from polpo_lab.assess.cases import case_of, trigger_of, view_of
from polpo_lab.errors import PolpoLabError
from polpo_lab.experiments.journal import Recorded
from polpo_lab.experiments.rescoring.reassessing import reassess_on_server
from polpo_lab.experiments.rescoring.rounds import KeptRound, RoundKey
from polpo_lab.experiments.rescoring.store import AssessmentStore
from polpo_lab.experiments.rescoring.version import CriteriaVersion
from polpo_lab.hostile_text import one_line
from polpo_lab.models import Assessment, Outcome
from polpo_lab.sandbox import Sandbox, Workspace
from polpo_lab.seeding import mixed_seed

if TYPE_CHECKING:
    from polpo_lab.client.tasks import Tasks

SandboxMode = Literal["auto", "require", "off"]
CONCURRENCY = 8


@dataclass(frozen=True)
class Item:
    """One round to be judged once."""

    round: KeptRound
    judgement: int = 0

    @property
    def key(self) -> RoundKey:
        """Its name in a store."""
        return self.round.key._replace(judgement=self.judgement)


@dataclass
class Scoring:
    """What is to be scored, and how far it has come; read from any thread.

    Attributes
    ----------
    version : CriteriaVersion
    store : AssessmentStore
    todo : sequence of Item
    done : int
        How many were scored now.
    troubles : list of str
        What kept rounds from being scored.
    """

    version: CriteriaVersion
    store: AssessmentStore
    todo: Sequence[Item]
    done: int = 0
    troubles: list[str] = field(default_factory=list)

    @property
    def unit(self) -> str:
        """What is counted: each round once, or each judgement of it."""
        return "judgements" if any(item.judgement for item in self.todo) else "rounds"


def outstanding(
    version: CriteriaVersion,
    store: AssessmentStore,
    rounds: Sequence[KeptRound],
    *,
    judgements: int = 1,
    through_server: bool = False,
) -> Scoring:
    """Return what is still to be scored: what a judge could not judge is tried again.

    Parameters
    ----------
    version : CriteriaVersion
    store : AssessmentStore
    rounds : sequence of KeptRound
    judgements : int
        How often each round is judged.
    through_server : bool
        Whether there is a server for the rounds whose files are not at hand.
    """
    known = store.assessments()
    todo = [
        Item(each, judgement)
        for each in rounds
        if (version.expectations.get(each.trial.template) or each.task.expected_outcomes)
        and (each.at_hand or (through_server and each.is_last))
        for judgement in range(judgements)
        if not _is_settled(known.get(each.key._replace(judgement=judgement)))
    ]
    return Scoring(version, store, todo)


def _is_settled(line: dict[str, Any] | None) -> bool:
    return line is not None and not any(
        check.get("error") for check in line["assessment"].get("checks", ())
    )


async def score(
    scoring: Scoring,
    recorded: Recorded,
    *,
    concurrency: int = CONCURRENCY,
    sandbox: SandboxMode = "auto",
    tasks: Tasks | None = None,
) -> None:
    """Score all that is outstanding; each assessment is kept as soon as it is there.

    Parameters
    ----------
    scoring : Scoring
        Its ``done`` counts on.
    recorded : Recorded
    concurrency : int
        Rounds at once.
    sandbox : {"auto", "require", "off"}
        As of `polpo_lab.connect`: where commands and judges run.
    tasks : Tasks, optional
        Of the server that has what is not at hand.
    """
    if not scoring.todo:
        return
    scoring.store.begin(scoring.version)
    walls = await Sandbox.detect(sandbox, hidden=(recorded.folder,))
    waiting = iter(scoring.todo)
    with tempfile.TemporaryDirectory(
        prefix="polpo-lab-rescore-", ignore_cleanup_errors=True
    ) as root:
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(concurrency, len(scoring.todo))):
                    group.create_task(_work(waiting, scoring, recorded, walls, Path(root), tasks))
        except BaseExceptionGroup as failed:  # callers expect one error of our tree
            raise failed.exceptions[0] from None


async def _work(
    waiting: Iterator[Item],
    scoring: Scoring,
    recorded: Recorded,
    sandbox: Sandbox,
    root: Path,
    tasks: Tasks | None,
) -> None:
    for item in waiting:
        try:
            if item.round.at_hand:
                assessed = await _assess(item, scoring.version, recorded.file, sandbox, root)
            else:
                assert tasks is not None
                template = recorded.plan.suite[item.round.trial.template]
                own = recorded.plan.expectations(template, scoring.version.base)
                expectations = scoring.version.expectations[template.id]
                assessed = await asyncio.to_thread(
                    reassess_on_server, tasks, item.round, expectations, own
                )
        except PolpoLabError as error:
            where = f"{item.round.trial.template}, {item.round.record.label}"
            scoring.troubles.append(f"{where}: {one_line(str(error), 200)}")
        else:
            scoring.store.keep(item.key, *assessed)
        scoring.done += 1


async def _assess(
    item: Item,
    version: CriteriaVersion,
    read: Callable[[str], bytes],
    sandbox: Sandbox,
    root: Path,
) -> tuple[Assessment, list[Outcome]]:
    kept = item.round
    expectations = list(version.expectations[kept.trial.template])
    task = kept.task.model_copy(update={"expectations": expectations})
    record = kept.record
    workspace = await asyncio.to_thread(Workspace.restore, root, record.files.entries, read)
    try:
        view = view_of(task, record, workspace)
        if item.judgement:  # a judge that draws by the seed draws anew
            seed = mixed_seed(view.seed, "judgement", item.judgement)
            view = replace(view, seed=seed)
        case = case_of(task, record, view, workspace, trigger_of(record))
        return await assess(case, sandbox=sandbox, judges=version.judges)
    finally:
        await asyncio.shield(asyncio.to_thread(workspace.remove))
