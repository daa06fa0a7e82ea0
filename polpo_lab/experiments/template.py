"""One template of a suite: a task before it is known which agent works on it, and how often."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue

from polpo_lab.client.drafting import build_request, expectation_list
from polpo_lab.experiments.content import content_hash
from polpo_lab.models import Expectation, ExpectedOutcome, TaskCreate
from polpo_lab.models.requests import InputFiles
from polpo_lab.models.wire import NonEmptyText, WireRequest

# What describes a template to people and to the analysis, and never reaches an agent or judge.
_ABOUT = frozenset({"id", "family", "tags", "metadata"})


def _writable(values: dict[str, Any]) -> dict[str, Any]:
    """Refuse what JSON cannot hold: pydantic lets NaN pass."""
    try:
        json.dumps(values, allow_nan=False)
    except (ValueError, RecursionError):
        raise ValueError("NaN, infinity and endless nesting are no JSON") from None
    return values


# A text alone is a criterion, as everywhere in Python.
Expectations = Annotated[list[Expectation], BeforeValidator(expectation_list)]


class Template(WireRequest):
    """A task that several agents, policies and repeats are tried on.

    Strict: an unknown field or a wrong type is refused. Equal by content.

    Attributes
    ----------
    id : str
        Unique in its suite; what frames call ``template``.
    title, description : str
        As of a task.
    family : str, optional
        Templates of one family are related: the analysis clusters by it.
    tags : list of str
        To choose by.
    expectations : list of expectations
        A text is a criterion.
    expected_outcomes : list of ExpectedOutcome
    files : dict of str to (str or Base64File)
        Input files of every clean workspace.
    max_duration : int, optional
        Milliseconds of one round.
    side_effects : bool
    metadata : dict
        Whatever else belongs to it, in JSON values; kept, never sent.

    Examples
    --------
    >>> template = Template(id="hi", title="Hi", description="Say hello.", tags=["easy"])
    >>> template.hash == template.model_copy(update={"tags": ["hard"]}).hash
    True
    """

    id: NonEmptyText
    title: NonEmptyText
    description: NonEmptyText
    family: NonEmptyText | None = None
    tags: list[NonEmptyText] = Field(default_factory=list)
    expectations: Expectations = Field(default_factory=list)
    expected_outcomes: list[ExpectedOutcome] = Field(default_factory=list)
    files: InputFiles = Field(default_factory=dict)
    max_duration: int | None = Field(default=None, gt=0, le=2**53 - 1)
    side_effects: bool = False
    metadata: Annotated[dict[str, JsonValue], AfterValidator(_writable)] = Field(
        default_factory=dict
    )

    @property
    def hash(self) -> str:
        """Hash of what agents and judges are given: a change of it makes new trials."""
        return content_hash(self.given)

    @property
    def given(self) -> dict[str, Any]:
        """What agents and judges are given, as a wire object."""
        wire = self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude=set(_ABOUT))
        return {name: value for name, value in wire.items() if value not in ([], {}, None, False)}

    def task(self, agent: str, **fields: Any) -> TaskCreate:
        """Return the request that has an agent work on it, for ``lab.tasks.create``.

        Parameters
        ----------
        agent : str
        **fields
            Further fields of the task, such as ``seed=1`` or ``max_retries=0``.

        Examples
        --------
        >>> template = Template(id="hi", title="Hi", description="Say hello.")
        >>> template.task("greeter", seed=1).assign_to
        'greeter'
        """
        own = {n: getattr(self, n) for n in self.model_fields_set - _ABOUT}
        return build_request(TaskCreate, "task", {**own, "assign_to": agent, **fields})
