"""The result in one sentence for each question the plan asks."""

from __future__ import annotations

from polpo_lab.analysis import columns as c
from polpo_lab.report.blocks import Block, Number, Section, Text, caution, note, say
from polpo_lab.report.evidence import Evidence, Refusal
from polpo_lab.report.spelling import estimate_cell


def headline(evidence: Evidence) -> Section:
    """Tell what came out, in sentences that could be quoted."""
    blocks: list[Block] = []
    for metric in evidence.metrics:
        for question in evidence.questions(metric):
            found = evidence.comparison(question)
            if isinstance(found, Refusal):
                blocks.append(caution(f"{question.words}: cannot be told. {found.why}."))
                continue
            told = Number(f"{question.key}/sentence", found.sentence, found.sentence)
            blocks.append(Text((told,), "lead") if metric == evidence.metric else say(told))
    if not any(evidence.questions(evidence.metric)):
        blocks += _one_condition(evidence)
    if evidence.n_verdicts and not (evidence.tasks[c.PASSED_NUM] == 1).any():
        blocks.append(caution("Every trial with a verdict failed: nothing passed at all."))
    return Section("headline", "Headline", tuple(blocks))


def _one_condition(evidence: Evidence) -> list[Block]:
    found = evidence.policies
    if isinstance(found, Refusal):
        return [caution(f"There is nothing to tell yet: {found.why}.")]
    name = "solved" if found.labelled else "accepted"
    result = found.figure(name)
    told = "are accepted and right" if found.labelled else "are accepted by the checks"
    agent = evidence.plan.agents[0]
    cell = estimate_cell("headline/rate", result, is_rate=True)
    return [
        Text((f"{agent}: ", *cell, f" tasks {told} (95% interval)."), "lead"),
        note("One condition: there is nothing to compare it with."),
    ]
