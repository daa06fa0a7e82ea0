"""What a task must fulfil to be let in: the rules that need more than the task itself.

Types and unknown fields are refused before, by the request models.
"""

from __future__ import annotations

from collections.abc import Iterable

from polpo_lab.agents.registry import AgentRegistry
from polpo_lab.assess.judges import JudgePanel
from polpo_lab.errors import UnsafePath
from polpo_lab.lifecycle import AT_REST
from polpo_lab.models import FileExists, Task
from polpo_lab.sandbox import check_no_clash, safe_relative_path
from polpo_lab.server.refusals import conflict, invalid, nearest
from polpo_lab.server.store import Store


class Admission:
    """Refuses tasks that could not run as they stand.

    Raises from every check: ValidationFailed (422) or Conflict (409).
    """

    def __init__(self, store: Store, agents: AgentRegistry, judges: JudgePanel) -> None:
        self._store = store
        self._agents = agents
        self._judges = judges

    def check(self, task: Task, changed: set[str] | None = None) -> None:
        """Refuse unknown agents, criteria without a judge, unsafe paths, taken titles, cycles.

        Parameters
        ----------
        task : Task
        changed : set of str, optional
            Only what these fields can have broken is looked at; all of it by default.
        """

        def touches(*fields: str) -> bool:
            return changed is None or not changed.isdisjoint(fields)

        if touches("assign_to", "retry_policy"):
            self._check_agents(task)
        if touches("expectations", "expected_outcomes", "files"):
            self.check_expectations(task)
        if touches("title", "group") and task.status not in AT_REST:
            self._check_title(task)
        if touches("title", "group", "depends_on"):
            self._check_cycle(task)

    def check_run(self, task: Task) -> None:
        """Refuse to run what was let in once but misses its agent or judge here and now."""
        self._check_agents(task)
        self.check_expectations(task)
        if task.status in AT_REST:  # it becomes unfinished again
            self._check_title(task)

    def check_expectations(self, task: Task) -> None:
        """Refuse unsafe paths, and a criterion that no judge takes, saying how to add one."""
        self._check_paths(task)
        for index, expectation in enumerate(task.expectations or ()):
            refusal = self._judges.refusal(expectation)
            if refusal:
                raise invalid(f"expectations.{index}", refusal)

    def _check_agents(self, task: Task) -> None:
        self._check_agent("assignTo", task.assign_to)
        if task.retry_policy and task.retry_policy.fallback_agent:
            self._check_agent("retryPolicy.fallbackAgent", task.retry_policy.fallback_agent)

    def _check_agent(self, field: str, name: str) -> None:
        known = self._agents.names()
        if name not in known:
            listed = ", ".join(known) or "none yet; add one with @lab.agent"
            guess = nearest(name, known) or "."
            raise invalid(field, f"{name!r} is unknown{guess} Known: {listed}", known=known)

    def _check_paths(self, task: Task) -> None:
        for field, path in _paths(task):
            try:
                safe_relative_path(path)
            except UnsafePath as error:
                raise invalid(field, str(error)) from None
        for field, paths in _folders(task):
            try:
                check_no_clash(paths)
            except UnsafePath as error:
                raise invalid(field, str(error)) from None

    def _check_title(self, task: Task) -> None:
        if task.group is None:
            return
        others = [i for i in self._store.unfinished_titles(task.group, task.title) if i != task.id]
        if others:
            raise conflict(
                f"title {task.title!r} is taken in group {task.group!r} by the unfinished task "
                f"{others[0]}: finish, kill or delete it, or choose another title",
                taskId=others[0],
            )

    def _check_cycle(self, task: Task) -> None:
        """Refuse a task that would, through its dependencies, wait for itself."""
        trail = [(title, [task.title, title]) for title in task.depends_on or ()]
        seen: set[str] = set()
        while trail:
            title, path = trail.pop()
            if title == task.title:
                raise invalid("dependsOn", f"is a cycle: {' -> '.join(path)}")
            if title in seen:
                continue
            seen.add(title)
            other = self._store.newest_by_title(title, task.group)
            if other is not None:
                trail += [(t, [*path, t]) for t in other.depends_on or ()]


def _paths(task: Task) -> Iterable[tuple[str, str]]:
    """Yield every path that a task names, with the field that names it."""
    for path in task.files or ():
        yield f"files.{path}", path
    for index, outcome in enumerate(task.expected_outcomes or ()):
        declared = getattr(outcome, "path", None)
        if declared is not None:
            yield f"expectedOutcomes.{index}.path", declared
    for index, expectation in enumerate(task.expectations or ()):
        if isinstance(expectation, FileExists):
            for path in expectation.all_paths:
                yield f"expectations.{index}.path", path
        for path in getattr(expectation, "check_files", None) or ():
            yield f"expectations.{index}.checkFiles.{path}", path


def _folders(task: Task) -> Iterable[tuple[str, Iterable[str]]]:
    """Yield every set of files that is written into one folder, with its field."""
    yield "files", task.files or ()
    for index, expectation in enumerate(task.expectations or ()):
        yield f"expectations.{index}.checkFiles", getattr(expectation, "check_files", None) or ()
