"""The same rounds judged several times: how much of a score is the judge's own noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import nan
from typing import Any

import numpy as np
import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.comparison.display import html_lines
from polpo_lab.analysis.criteria.figures import missing
from polpo_lab.analysis.criteria.judge_noise import MOST_VARIANCE
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.rescoring.rounds import PlayedTrial, RoundKey
from polpo_lab.hostile_text import one_line
from polpo_lab.stats import VarianceComponents, mean, proportion, variance_components
from polpo_lab.stats.result import Estimate, number
from polpo_lab.stats.samples import averaged
from polpo_lab.verdicts import WireObject

AGENT_METHOD = (
    "moments: variance of the conditions' means less what templates and runs add; "
    "these conditions as they are, without interval"
)


@dataclass(frozen=True)
class JudgeNoise:
    """The noise of one criterion's judge.

    Attributes
    ----------
    criterion : str
    variance : Estimate
        Of one judgement around its round's mean, in points squared.
    disagreement : Estimate
        Chance that two judgements of one round differ in their verdict.
    components : VarianceComponents or None
        template, template x condition, repeat and judge; None where the scores are too few.
    agent : float
        Variance of the conditions' means; NaN with one condition.
    """

    criterion: str
    variance: Estimate
    disagreement: Estimate
    components: VarianceComponents | None
    agent: float

    @property
    def sd(self) -> float:
        """Standard deviation of one judgement, in points of the score."""
        return float(np.sqrt(self.variance.estimate))


@dataclass(frozen=True, repr=False)
class Rejudged:
    """Judge noise of every criterion that judges score.

    ``exp.rejudge(...)`` makes one; what was judged once is read from the experiment's folder.

    Attributes
    ----------
    judgements : pandas.DataFrame
        One row for each round, criterion and judgement: trial, names, ``judgement``, ``passed``,
        ``score``, ``error``.
    times : int
        How often each round was judged.
    troubles : tuple of str
    """

    judgements: pd.DataFrame
    times: int
    troubles: tuple[str, ...] = ()
    seed: int | None = None

    @cached_property
    def noise(self) -> tuple[JudgeNoise, ...]:
        """The noise by criterion."""
        groups = self.judgements.groupby("criterion", sort=False)
        return tuple(_noise_of(str(name), rows, self.seed) for name, rows in groups)

    def __getitem__(self, criterion: str) -> JudgeNoise:
        for each in self.noise:
            if each.criterion == criterion:
                return each
        known = ", ".join(repr(each.criterion) for each in self.noise) or "none"
        raise InvalidArgument(f"{criterion!r} was not judged; judged: {known}")

    def to_frame(self, level: float = 0.95) -> pd.DataFrame:
        """Return a row for each criterion and figure.

        Parameters
        ----------
        level : float, default 0.95

        Returns
        -------
        pandas.DataFrame
            ``judge_variance``, ``verdicts_differ``, then the variance components, ``agent``
            among them: ``estimate``, ``low``, ``high``, ``share``, ``n``, ``method``, ``notes``.
        """
        return pd.DataFrame([row for each in self.noise for row in _rows(each, level)])

    def _lines(self) -> list[str]:
        lines = [f"Judge noise: {self.times} judgements of each round"]
        for each in self.noise:
            if not each.variance.n:
                lines.append(f"{one_line(each.criterion, 60)}: {'; '.join(each.variance.notes)}")
                continue
            low, high = each.disagreement.confidence_interval()
            lines.append(
                f"{one_line(each.criterion, 60)}: one judgement varies by {number(each.sd)} points "
                f"(SD); two differ in their verdict with chance "
                f"{number(each.disagreement.estimate)} (95% CI {number(low)} to {number(high)}), "
                f"n = {each.disagreement.n} rounds{_shares(each)}"
            )
        return lines + [f"! {trouble}" for trouble in self.troubles[:5]]

    def __repr__(self) -> str:
        return "\n  ".join(self._lines())

    def _repr_html_(self) -> str:
        return html_lines(self._lines())


def rejudged(
    played: Sequence[PlayedTrial],
    scored: Mapping[RoundKey, WireObject],
    times: int,
    troubles: Sequence[str] = (),
    seed: int | None = None,
) -> Rejudged:
    """Lay out the judgements of kept rounds.

    Parameters
    ----------
    played : sequence of PlayedTrial
    scored : mapping of RoundKey to dict
    times : int
    troubles : sequence of str
    seed : int, optional
    """
    rows = [row for each in played for row in _judgements(each, scored, times)]
    if not rows:
        raise InvalidArgument(
            "no round was judged: none is kept whose files are at hand"
            + (f" ({troubles[0]})" if troubles else "")
        )
    return Rejudged(pd.DataFrame(rows), times, tuple(troubles), seed)


def _judgements(
    played: PlayedTrial, scored: Mapping[RoundKey, WireObject], times: int
) -> Iterator[dict[str, Any]]:
    trial = played.trial
    for kept in played.rounds:
        for judgement in range(times):
            line = scored.get(kept.key._replace(judgement=judgement))
            for check in line["assessment"].get("checks", ()) if line else ():
                yield {
                    c.TRIAL: trial.id,
                    c.TEMPLATE: trial.template,
                    "condition": str(trial.condition),
                    c.REPEAT: trial.repeat,
                    **kept.key._asdict(),
                    "judgement": judgement,
                    "criterion": check.get("name"),
                    c.PASSED: check.get("passed"),
                    c.SCORE: nan if check.get("score") is None else float(check["score"]),
                    c.ERROR: check.get("error"),
                }


def _noise_of(name: str, rows: pd.DataFrame, seed: int | None) -> JudgeNoise:
    key = [c.TEMPLATE, "condition", c.REPEAT, "task_id", "attempt", "round"]
    scores = rows.pivot_table(index=key, columns="judgement", values=c.SCORE)
    if scores.empty:
        errors = rows[c.ERROR].dropna()
        why = one_line(str(errors.iloc[0]), 200) if len(errors) else "no reason is told"
        nothing = missing(f"no judgement has a score: {why}")
        return JudgeNoise(name, nothing, nothing, None, nan)
    table = scores.to_numpy(float)
    templates = scores.index.get_level_values(0).to_numpy(object)
    several = (~np.isnan(table)).sum(axis=1) >= 2
    variance = np.full(len(table), nan)
    variance[several] = np.nanvar(table[several], axis=1, ddof=1)
    passed = rows.assign(passed=rows[c.PASSED].astype("float64"))
    verdicts = passed.pivot_table(index=key, columns="judgement", values=c.PASSED)
    share, count = verdicts.mean(axis=1), verdicts.notna().sum(axis=1)
    differ = (2 * share * (1 - share) * count / (count - 1).where(count > 1)).to_numpy(float)
    array = _array(rows)
    return JudgeNoise(
        criterion=name,
        variance=mean(variance, templates, within=(0.0, MOST_VARIANCE)),
        disagreement=_chance(differ, verdicts.index.get_level_values(0).to_numpy(object)),
        components=_components(array, seed),
        agent=_agent_variance(array),
    )


def _chance(differ: Any, templates: Any) -> Estimate:
    if np.isin(differ[~np.isnan(differ)], (0, 1)).all():
        return proportion(differ, templates)
    return mean(differ, templates, within=(0.0, 1.0))


def _array(rows: pd.DataFrame) -> Any:
    """Return the scores of last rounds as template x condition x repeat x judgement."""
    last = rows.groupby([c.TRIAL], sort=False)[["attempt", "round"]].transform("max")
    kept = rows[rows["attempt"] == last["attempt"]]
    kept = kept[kept["round"] == kept.groupby(c.TRIAL)["round"].transform("max")]
    axes = [c.TEMPLATE, "condition", c.REPEAT, "judgement"]
    codes = [pd.factorize(kept[axis], sort=True)[0] for axis in axes]
    array = np.full([int(code.max()) + 1 for code in codes], nan)
    array[tuple(codes)] = kept[c.SCORE].to_numpy(float)
    return array


def _components(array: Any, seed: int | None) -> VarianceComponents | None:
    there = ~np.isnan(array)
    if there.any(axis=(1, 2, 3)).sum() < 2:
        return None
    known = array[there]
    if np.ptp(known) == 0:
        return None  # nothing varies: there is nothing to split
    return variance_components(array, seed=seed)


def _agent_variance(array: Any) -> float:
    cells = averaged(averaged(array))
    cells = cells[~np.isnan(cells).any(axis=1)]
    templates, conditions = cells.shape
    if templates < 2 or conditions < 2:
        return nan
    rest = cells - cells.mean(axis=0) - cells.mean(axis=1, keepdims=True) + cells.mean()
    inside = float((rest**2).sum() / ((templates - 1) * (conditions - 1)))
    between = float(cells.mean(axis=0).var(ddof=1))
    return between - inside / float(templates)


def _rows(each: JudgeNoise, level: float) -> Iterator[dict[str, Any]]:
    plain = {"judge_variance": each.variance, "verdicts_differ": each.disagreement}
    parts = {} if each.components is None else each.components.components
    for figure, result in {**plain, **parts}.items():
        low, high = result.confidence_interval(level)
        yield {
            "criterion": each.criterion,
            "figure": figure,
            "estimate": result.estimate,
            "low": low,
            "high": high,
            "share": result.details.get("share", nan),
            "n": result.n,
            "method": result.method,
            "notes": "; ".join(result.notes),
        }
    if each.components is not None:
        yield _agent_row(each)


def _agent_row(each: JudgeNoise) -> dict[str, Any]:
    raw = each.agent
    known = not np.isnan(raw)
    return {
        "criterion": each.criterion,
        "figure": "agent",
        "estimate": max(0.0, raw) if known else nan,
        "low": nan,
        "high": nan,
        "share": nan,
        "n": each.variance.n,
        "method": AGENT_METHOD,
        "notes": f"raw {number(raw)}" if known else "one condition: nothing to compare",
    }


def _shares(each: JudgeNoise) -> str:
    if each.components is None:
        return ""
    told = [
        f"{source} {result.details['share']:.0%}"
        for source, result in each.components.components.items()
        if not np.isnan(result.details["share"]) and not np.isnan(result.estimate)
    ]
    return f"; variance: {', '.join(told)}" if told else ""
