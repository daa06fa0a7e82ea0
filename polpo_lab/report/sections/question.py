"""What was asked, and what was to be run to answer it."""

from __future__ import annotations

from polpo_lab.analysis import columns as c
from polpo_lab.experiments.conditions import Policy
from polpo_lab.report.blocks import Block, Section, Table, Text, caution, note, say
from polpo_lab.report.evidence import Evidence
from polpo_lab.report.spelling import count, plural

MOST_NAMES = 12


def question(evidence: Evidence) -> Section:
    """Tell the question and the plan."""
    plan = evidence.plan
    suite = plan.suite
    families = {template.family for template in suite if template.family}
    axes = [plural(len(suite), "template"), plural(len(plan.agents), "agent"),
            plural(len(plan.policies), "policy", "policies")]  # fmt: skip
    if len(plan.criteria) > 1:
        axes.append(plural(len(plan.criteria), "set of criteria", "sets of criteria"))
    axes.append(plural(plan.repeats, "repeat"))
    blocks: list[Block] = [Text((_asked(evidence),))]
    if suite.description:
        blocks.append(say(f"Suite {suite.name}: {suite.description}"))
    blocks.append(
        say("Planned: ", " x ".join(axes), " = ", count("plan/trials", len(plan)),
            " trials, in randomised complete blocks: a block is one repeat of every template "
            "under every condition."),
    )  # fmt: skip
    blocks.append(_facts(evidence, families))
    blocks += _standing(evidence)
    return Section("question", "Question and plan", tuple(blocks))


def _asked(evidence: Evidence) -> str:
    plan = evidence.plan
    open_axes = [
        words
        for words, values in (
            ("agent", plan.agents),
            ("retry policy", plan.policies),
            ("set of criteria", plan.criteria),
        )
        if len(values) > 1
    ]
    told = (
        f"{evidence.metric}, {'declared beforehand' if plan.primary else 'since none was declared'}"
    )
    if not open_axes:
        return f"How does {plan.agents[0]} do? The metric that decides: {told}."
    return f"Which {' and which '.join(open_axes)} does better? The metric that decides: {told}."


def _facts(evidence: Evidence, families: set[str]) -> Table:
    plan = evidence.plan
    kind = (
        "families like these (random)"
        if plan.suite.families == "random"
        else "these families (fixed)"
    )
    told = (
        f"{plural(len(families), 'family', 'families')}; inference is to {kind}"
        if families
        else "none"
    )
    rows = [
        ("agents", _named(plan.agents)),
        *((f"policy {name}", _words(policy)) for name, policy in plan.policies.items()),
        *(
            (f"criteria {name}", "the templates' own" if chosen is None else
             f"{plural(len(chosen.expectations), 'expectation')} "
             f"{'added to' if chosen.extend else 'in place of'} the templates' own")
            for name, chosen in plan.criteria.items()
        ),
        ("families", told),
        ("seed", str(plan.seed)),
    ]  # fmt: skip
    return Table(("of the plan", ""), tuple(rows))


def _named(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def _words(policy: Policy) -> str:
    attempts = plural(policy.attempts, "attempt")
    return f"at most {attempts}" + (
        f" ({policy.words})" if policy.attempts > 1 or policy.fixes else ""
    )


def _standing(evidence: Evidence) -> list[Block]:
    """Say how many trials have a verdict, and why the others have none."""
    tasks = evidence.tasks
    told: list[Block] = [
        say(count("plan/verdicts", evidence.n_verdicts), " of ", count("plan/rows", len(tasks)),
            " planned trials have a verdict."),
    ]  # fmt: skip
    without = tasks[tasks[c.PASSED_NUM].isna()]
    if len(without):
        reasons = without[c.MISSING_REASON].astype(object).fillna("no reason known").value_counts()
        told.append(
            note(
                "Without a verdict: ", ", ".join(f"{n:,} {why}" for why, n in reasons.items()), "."
            )
        )
    if not evidence.n_verdicts:
        told.append(caution("This experiment is empty: no trial has come to a verdict yet."))
    elif evidence.progress is not None and not evidence.progress.is_finished:
        told.append(caution(evidence.progress.words().capitalize() + "."))
    return told
