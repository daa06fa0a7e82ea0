"""A version of criteria: what each template's rounds are judged by, and by whom."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from polpo_lab.assess.judges import JudgePanel, criterion_text, judge
from polpo_lab.client import drafting
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.conditions import CriteriaSet
from polpo_lab.experiments.content import content_hash
from polpo_lab.experiments.plan import Plan
from polpo_lab.experiments.planning import GIVEN_CRITERIA, criteria_sets
from polpo_lab.experiments.template import Template
from polpo_lab.hostile_text import one_line
from polpo_lab.models import Criterion, LlmReview

HASH_SHOWN = 6


@dataclass(frozen=True)
class CriteriaVersion:
    """Criteria as they are applied to the templates of a plan.

    Attributes
    ----------
    name : str
        What frames call it.
    base : str
        The set of the plan under which the rounds were run.
    expectations : mapping of str to tuple of expectations
        By template.
    judges : JudgePanel
    hash : str
        Of the expectations and of the judges that take them: equal hashes score alike.
    """

    name: str
    base: str
    expectations: Mapping[str, tuple[Any, ...]]
    judges: JudgePanel
    hash: str

    @property
    def check_names(self) -> list[str]:
        """Names of all checks, each once."""
        every = (e.label for found in self.expectations.values() for e in found)
        return list(dict.fromkeys(every))

    def only_judged(self) -> CriteriaVersion:
        """Return the part that judges score.

        Raises
        ------
        InvalidArgument
            There is none.
        """
        kept = {
            template: tuple(e for e in found if isinstance(e, (Criterion, LlmReview)))
            for template, found in self.expectations.items()
        }
        if not any(kept.values()):
            raise InvalidArgument(
                "no criterion is scored by a judge: commands and files have no judge noise. "
                f"Checks: {', '.join(map(repr, self.check_names)) or 'none'}"
            )
        return CriteriaVersion(self.name, self.base, kept, self.judges, _hash(kept, self.judges))


def criteria_version(
    plan: Plan,
    criteria: Any,
    judges: Any,
    *,
    name: str | None = None,
    base: str | None = None,
    judged_elsewhere: bool = False,
) -> CriteriaVersion:
    """Check what a user gave and make a version of it.

    Parameters
    ----------
    plan : Plan
    criteria : list of expectations, CriteriaSet, mapping of one name to those, callable, None
        A callable takes a `Template` and returns its expectations; None: those the rounds
        were run under, for other judges.
    judges : callable, Judge, name of a model, JudgePanel, iterable of those, None
    name : str, optional
        By default the mapping's name, or one made of the hash.
    base : str, optional
        The set under which the rounds were run; needed where the plan has several.
    judged_elsewhere : bool
        Whether a server judges all rounds, by judges of its own: then none is needed here.

    Raises
    ------
    InvalidArgument
        Naming what is wrong, the rule, and the nearest right thing.
    """
    base = base_of(plan, base)
    panel = panel_of(judges)
    given, expectations = _expectations(plan, criteria, base)
    if not judged_elsewhere:
        _refuse_unjudged(expectations, panel)
    digest = _hash(expectations, panel)
    named = name or given or f"rescored {digest[:HASH_SHOWN]}"
    if named in plan.criteria:
        raise InvalidArgument(
            f"name={named!r} is a set of the plan itself; give the new version another name"
        )
    return CriteriaVersion(named, base, expectations, panel, digest)


def base_of(plan: Plan, base: str | None) -> str:
    """Return the set of the plan whose rounds are meant.

    Raises
    ------
    InvalidArgument
        It is unknown, or there are several and none was named.
    """
    known = list(plan.criteria)
    if base is None and len(known) == 1:
        return known[0]
    if base is None:
        raise InvalidArgument(
            f"the experiment was run under {len(known)} sets of criteria, which are never pooled: "
            f"say base= one of {', '.join(map(repr, known))}"
        )
    if base not in known:
        near = difflib.get_close_matches(str(base), known, n=1)
        guess = f"did you mean {near[0]!r}? " if near else ""
        raise InvalidArgument(
            f"base={base!r} is no set of criteria; {guess}Known: {', '.join(map(repr, known))}"
        )
    return base


def panel_of(judges: Any) -> JudgePanel:
    """Return judges as a panel: a function takes every criterion.

    Raises
    ------
    InvalidArgument
        One of them is no judge.
    """
    if judges is None:
        return JudgePanel()
    if isinstance(judges, JudgePanel):
        return judges
    is_one = isinstance(judges, str) or not isinstance(judges, Iterable)
    return JudgePanel(map(_judge, [judges] if is_one else judges))


def _judge(given: Any) -> Any:
    if hasattr(given, "members"):  # a Judge, or a model that is one
        return given
    if callable(given):
        return judge(given)
    if isinstance(given, str) and ":" in given:
        from polpo_lab.assess.model_judges import model_judge  # with the extra llm only

        return model_judge(given)
    raise InvalidArgument(
        f"judge={one_line(repr(given), 80)} is no judge: give a function (criterion, task, result) "
        '-> Score, a model such as "openai:gpt-5", several of those, or lab.server.judges'
    )


_Expectations = dict[str, tuple[Any, ...]]


def _expectations(plan: Plan, criteria: Any, base: str) -> tuple[str | None, _Expectations]:
    if criteria is None:
        return None, {t.id: tuple(plan.expectations(t, base)) for t in plan.suite}
    if callable(criteria):
        return None, {t.id: _of_template(criteria, t) for t in plan.suite}
    sets = criteria_sets(criteria)
    if len(sets) > 1:
        raise InvalidArgument(
            f"criteria: {len(sets)} sets ({', '.join(map(repr, sets))}); re-score one at a time"
        )
    ((name, chosen),) = sets.items()
    applied = {
        t.id: tuple(t.expectations if chosen is None else chosen.applied_to(t.expectations))
        for t in plan.suite
    }
    return None if name == GIVEN_CRITERIA else name, applied


def _of_template(criteria: Callable[[Template], Any], template: Template) -> tuple[Any, ...]:
    what = f"criteria of template {template.id!r}"
    given = drafting.expectation_list(criteria(template))
    if not given:
        return ()
    return tuple(drafting.build_request(CriteriaSet, what, {"expectations": given}).expectations)


def _refuse_unjudged(expectations: Mapping[str, tuple[Any, ...]], panel: JudgePanel) -> None:
    for found in expectations.values():
        for each in found:
            if isinstance(each, (Criterion, LlmReview)) and not panel.takes(each):
                known = ", ".join(map(repr, panel.names())) or "none"
                raise InvalidArgument(
                    f"no judge takes {one_line(criterion_text(each), 200)!r}; the journal holds no "
                    "judges: pass judge= a function (criterion, task, result) -> Score, several, "
                    f"or lab.server.judges. Judges given: {known}"
                )


def _hash(expectations: Mapping[str, tuple[Any, ...]], panel: JudgePanel) -> str:
    told = {
        template: [
            [each.wire(), [[judge.name, judge.version] for judge in panel.takes(each)]]
            for each in found
        ]
        for template, found in expectations.items()
    }
    return content_hash(told)
