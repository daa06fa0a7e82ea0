"""Simulated experiments with a known truth: how often do the default intervals hold it?

The grid is that of docs/statistics.md. A template's chance to pass is Beta distributed; its
family's, where there are families, as well. Agents share a template's chance with a stated
probability, which is then their correlation.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import isinf, isnan, sqrt

import numpy as np

from polpo_lab.stats import (
    Estimate,
    corrected_rate,
    difference,
    mean,
    paired_difference,
    pass_at_k,
    pass_hat_k,
    proportion,
    ratio,
    simultaneous,
)

TEMPLATE_CONCENTRATION = 3.0
FAMILY_CONCENTRATION = 8.0
AGENTS = 4
SHIFT = 0.1
JUDGE_SENSITIVITY, JUDGE_SPECIFICITY = 0.9, 0.8
LABELLED = 0.25

LEAST_MEAN_COVERAGE = 0.945
LEAST_COVERAGE = 0.92
MOST_REJECTIONS = 0.05
# A cell that fails is simulated again, with fresh draws and this many times more of them: among
# hundreds of cells some fail by chance, and those do not fail twice.
AGAIN = 4


@dataclass(frozen=True)
class Setting:
    """One cell of the grid; ``templates`` per experiment, or ``families`` of 10, or 20 to 1."""

    passing: float
    repeats: int
    shared: float
    templates: int = 0
    families: int = 0
    is_balanced: bool = True
    missing: float = 0.0

    def clusters(self) -> np.ndarray | None:
        if not self.families:
            return None
        sizes = np.full(self.families, 10)
        if not self.is_balanced:
            sizes = np.round(np.linspace(20, 1, self.families)).astype(int)
        return np.repeat(np.arange(self.families), sizes)

    def __str__(self) -> str:
        if self.families:
            units = f"{self.families} families {'of 10' if self.is_balanced else 'of 20 to 1'}"
        else:
            units = f"{self.templates} templates"
        gaps = f", {self.missing:.0%} missing" if self.missing else ""
        return f"pass {self.passing}, {units} x {self.repeats}, shared {self.shared}{gaps}"


def grid() -> Iterator[Setting]:
    sizes = [{"templates": n} for n in (20, 100, 500)]
    sizes += [{"families": n, "is_balanced": b} for n in (5, 8, 20, 40) for b in (True, False)]
    for passing in (0.5, 0.8, 0.95):
        for shared in (0.3, 0.8):
            for size in sizes:
                for repeats in (1, 3, 5):
                    yield Setting(passing, repeats, shared, **size)
                yield Setting(passing, 3, shared, missing=0.05, **size)


def reduced_grid() -> list[Setting]:
    return [
        Setting(0.5, 3, 0.3, templates=20),
        Setting(0.8, 1, 0.8, templates=100),
        Setting(0.8, 3, 0.3, families=8),
        Setting(0.8, 5, 0.8, families=20, is_balanced=False, missing=0.05),
    ]


@dataclass
class Tally:
    """What became of one default method in one setting."""

    method: str
    setting: Setting
    experiments: int = 0
    given: int = 0
    covered: int = 0
    width: float = 0.0
    bounded: int = 0
    tested: int = 0
    rejected: int = 0

    def add(self, result: Estimate, truth: float, *, is_null: bool = False) -> None:
        low, high = result.confidence_interval(0.95)
        self.add_interval(low, high, low <= truth <= high)
        if is_null:
            self.tested += 1
            self.rejected += result.pvalue < MOST_REJECTIONS

    def add_interval(self, low: float, high: float, covers: bool) -> None:
        self.experiments += 1
        if isnan(low):
            return
        self.given += 1
        self.covered += covers
        if not isinf(high):
            self.bounded += 1
            self.width += high - low

    @property
    def coverage(self) -> float:
        return self.covered / self.given if self.given else float("nan")

    @property
    def mean_width(self) -> float:
        return self.width / self.bounded if self.bounded else float("nan")

    @property
    def rejection(self) -> float:
        return self.rejected / self.tested if self.tested else float("nan")

    @property
    def most_rejections(self) -> float:
        spread = MOST_REJECTIONS * (1 - MOST_REJECTIONS) / max(1, self.tested)
        return MOST_REJECTIONS + 3 * sqrt(spread)

    @property
    def fails(self) -> bool:
        return self.coverage < LEAST_COVERAGE or self.rejection > self.most_rejections


@dataclass(frozen=True)
class Experiment:
    """One simulated experiment: who passed, and the chances behind it."""

    setting: Setting
    passed: np.ndarray  # templates x agents x repeats, all agents equally good
    worse: np.ndarray  # templates x repeats, an agent worse by SHIFT
    scores: np.ndarray  # templates x repeats, 1 to 5
    elsewhere: np.ndarray  # templates x repeats of other templates
    rng: np.random.Generator
    clusters: np.ndarray | None


def chances(rng: np.random.Generator, passing: float, clusters: np.ndarray | None, n: int):
    around = np.full(n, passing)
    if clusters is not None:
        a, b = passing * FAMILY_CONCENTRATION, (1 - passing) * FAMILY_CONCENTRATION
        around = np.clip(rng.beta(a, b, clusters.max() + 1)[clusters], 1e-9, 1 - 1e-9)
    return rng.beta(around * TEMPLATE_CONCENTRATION, (1 - around) * TEMPLATE_CONCENTRATION)


def simulate(setting: Setting, rng: np.random.Generator) -> Experiment:
    clusters = setting.clusters()
    n = setting.templates if clusters is None else len(clusters)
    common = chances(rng, setting.passing, clusters, n)
    by_agent = np.stack([chances(rng, setting.passing, clusters, n) for _ in range(AGENTS)], 1)
    # A family is shared as a whole, or its effects would not correlate.
    units = n if clusters is None else clusters.max() + 1
    share = rng.random((units, AGENTS)) < sqrt(setting.shared)
    by_agent = np.where(share if clusters is None else share[clusters], common[:, None], by_agent)
    shape = (n, AGENTS, setting.repeats)
    passed = (rng.random(shape) < by_agent[:, :, None]).astype(float)
    lower = by_agent[:, 1] * (setting.passing - SHIFT) / setting.passing
    worse = (rng.random((n, setting.repeats)) < lower[:, None]).astype(float)
    scores = 1.0 + rng.binomial(4, by_agent[:, :1], (n, setting.repeats))
    other = chances(rng, setting.passing, clusters, n)
    elsewhere = (rng.random((n, setting.repeats)) < other[:, None]).astype(float)
    for values in (passed, worse, scores, elsewhere):
        values[rng.random(values.shape) < setting.missing] = np.nan
    return Experiment(setting, passed, worse, scores, elsewhere, rng, clusters)


Check = Callable[[Experiment, Tally], None]


def check_proportion(e: Experiment, tally: Tally) -> None:
    tally.add(proportion(e.passed[:, 0], e.clusters), e.setting.passing)


def check_mean(e: Experiment, tally: Tally) -> None:
    tally.add(mean(e.scores, e.clusters, within=(1, 5)), 1 + 4 * e.setting.passing)


def check_paired(e: Experiment, tally: Tally) -> None:
    result = paired_difference(e.passed[:, 0], e.passed[:, 1], e.clusters)
    tally.add(result, 0.0, is_null=True)


def check_paired_shift(e: Experiment, tally: Tally) -> None:
    tally.add(paired_difference(e.passed[:, 0], e.worse, e.clusters), SHIFT)


def check_unpaired(e: Experiment, tally: Tally) -> None:
    result = difference(e.passed[:, 0], e.elsewhere, e.clusters, e.clusters)
    tally.add(result, 0.0, is_null=True)


def check_simultaneous(e: Experiment, tally: Tally) -> None:
    compared = simultaneous(
        e.passed, clusters=e.clusters, draws=500, seed=int(e.rng.integers(2**31))
    )
    ends = [contrast.confidence_interval(0.95) for contrast in compared]
    if any(isnan(low) for low, _ in ends):
        return
    width = float(np.mean([high - low for low, high in ends]))
    tally.add_interval(0.0, width, all(low <= 0 <= high for low, high in ends))
    tally.tested += 1
    tally.rejected += min(contrast.pvalue for contrast in compared) < MOST_REJECTIONS


def _counted(e: Experiment) -> tuple[np.ndarray, np.ndarray]:
    there = (~np.isnan(e.passed[:, 0])).sum(axis=1)
    return there, np.nansum(e.passed[:, 0], axis=1)


def _moment(passing: float, k: int) -> float:
    """Return the expectation of p ** k of a template's chance."""
    steps = np.arange(k)
    return float(
        np.prod((passing * TEMPLATE_CONCENTRATION + steps) / (TEMPLATE_CONCENTRATION + steps))
    )


def check_pass_at_2(e: Experiment, tally: Tally) -> None:
    if e.setting.repeats < 3 or e.setting.missing or e.setting.families:
        return
    truth = 1 - _moment(1 - e.setting.passing, 2)
    tally.add(pass_at_k(*_counted(e), 2, e.clusters), truth)


def check_pass_hat_2(e: Experiment, tally: Tally) -> None:
    if e.setting.repeats < 3 or e.setting.missing or e.setting.families:
        return
    tally.add(pass_hat_k(*_counted(e), 2, e.clusters), _moment(e.setting.passing, 2))


def check_ratio(e: Experiment, tally: Tally) -> None:
    """Cost per solved: failures cost twice as much, with noise."""
    if e.setting.missing:
        return
    solved = e.passed[:, 0]
    cost = (2 - solved) * e.rng.gamma(4, 0.25, solved.shape)
    clusters = np.arange(len(solved)) if e.clusters is None else e.clusters
    result = ratio(cost.ravel(), solved.ravel(), np.repeat(clusters, e.setting.repeats))
    tally.add(result, (2 - e.setting.passing) / e.setting.passing)


def check_corrected(e: Experiment, tally: Tally) -> None:
    if e.setting.templates < 100 or e.setting.missing:
        return
    true = e.passed[:, 0].ravel()
    right = np.where(true == 1, JUDGE_SENSITIVITY, JUDGE_SPECIFICITY)
    judged = np.where(e.rng.random(len(true)) < right, true, 1 - true)
    labels = np.where(e.rng.random(len(true)) < LABELLED, true, np.nan)
    clusters = np.repeat(np.arange(e.setting.templates), e.setting.repeats)
    tally.add(corrected_rate(judged, labels, clusters), e.setting.passing)


CHECKS: dict[str, Check] = {
    "proportion": check_proportion,
    "mean of scores": check_mean,
    "paired_difference, none": check_paired,
    "paired_difference, 10 points": check_paired_shift,
    "difference, none": check_unpaired,
    "simultaneous, 4 agents": check_simultaneous,
    "pass_at_k, k = 2": check_pass_at_2,
    "pass_hat_k, k = 2": check_pass_hat_2,
    "ratio, cost per solved": check_ratio,
    "corrected_rate, 25% labelled": check_corrected,
}


# These compare agents on the same templates; the others see one agent, and need not be
# simulated again for another share of common effects.
COMPARING = ("paired_difference, none", "paired_difference, 10 points", "simultaneous, 4 agents")


@dataclass(frozen=True)
class Job:
    setting: Setting
    experiments: int
    seed: tuple[int, ...]
    methods: tuple[str, ...]


def run_job(job: Job) -> list[Tally]:
    rng = np.random.default_rng(job.seed)
    tallies = {name: Tally(name, job.setting) for name in job.methods}
    for _ in range(job.experiments):
        experiment = simulate(job.setting, rng)
        for name, tally in tallies.items():
            CHECKS[name](experiment, tally)
    return [tally for tally in tallies.values() if tally.experiments]


def calibrate(settings: list[Setting], experiments: int, processes: int = 2) -> list[Tally]:
    """Simulate every setting; what fails is simulated again, and that counts."""
    seen: set[Setting] = set()
    jobs = []
    for at, setting in enumerate(settings):
        alike = replace(setting, shared=0.0)
        jobs.append(
            Job(setting, experiments, (20261, at), COMPARING if alike in seen else tuple(CHECKS))
        )
        seen.add(alike)
    tallies = _run(jobs, processes)
    again = [
        Job(t.setting, experiments * AGAIN, (20262, at), (t.method,))
        for at, t in enumerate(tallies)
        if t.fails
    ]
    settled = {(t.method, t.setting): t for t in _run(again, processes)}
    return [settled.get((t.method, t.setting), t) for t in tallies]


def is_known_limit(tally: Tally) -> bool:
    """Say whether docs/statistics.md names this cell among what the methods cannot do."""
    # Nearly all pass, and most samples of few families hold too few failures to tell their spread.
    setting = tally.setting
    return tally.method == "proportion" and (setting.passing, setting.families) == (0.95, 8)


def _run(jobs: list[Job], processes: int) -> list[Tally]:
    if processes == 1:
        return [tally for job in jobs for tally in run_job(job)]
    # Spawned: a forked child would inherit the locks of a test session's threads.
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        return [tally for tallies in pool.imap(run_job, jobs) for tally in tallies]


@dataclass(frozen=True)
class Summary:
    method: str
    cells: int
    mean_coverage: float
    worst: Tally
    mean_width: float
    mean_rejection: float
    most_rejection: float
    without_interval: float


def summaries(tallies: list[Tally]) -> list[Summary]:
    return [
        _summary(name, [t for t in tallies if t.method == name])
        for name in CHECKS
        if any(t.method == name for t in tallies)
    ]


def _summary(name: str, own: list[Tally]) -> Summary:
    tested = [t.rejection for t in own if t.tested]
    return Summary(
        method=name,
        cells=len(own),
        mean_coverage=float(np.nanmean([t.coverage for t in own])),
        worst=min(own, key=lambda t: t.coverage),
        mean_width=float(np.nanmean([t.mean_width for t in own])),
        mean_rejection=float(np.mean(tested)) if tested else float("nan"),
        most_rejection=max(tested) if tested else float("nan"),
        without_interval=1 - sum(t.given for t in own) / sum(t.experiments for t in own),
    )


def markdown(tallies: list[Tally], experiments: int) -> str:
    """Return the tables for the page: one row per method, and the cells that are known limits."""
    settings = len({t.setting for t in tallies})
    again = f"({experiments * AGAIN:,} where a cell failed at first)"
    columns = ("default interval", "cells", "mean coverage", "worst cell", "mean width")
    columns += ("null rejected, mean", "null rejected, worst", "without interval")
    lines = [
        f"{settings} settings, {experiments:,} experiments each {again}.",
        "",
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
    ]
    for s in summaries(tallies):
        rejected = (
            ("", "")
            if isnan(s.mean_rejection)
            else (f"{s.mean_rejection:.3f}", f"{s.most_rejection:.3f}")
        )
        lines.append(
            f"| {s.method} | {s.cells} | {s.mean_coverage:.4f} | {s.worst.coverage:.3f} | "
            f"{s.mean_width:.3f} | {rejected[0]} | {rejected[1]} | {s.without_interval:.1%} |"
        )
    rule = f"cover less than {LEAST_COVERAGE}, or reject a true null more often than "
    rule += f"{MOST_REJECTIONS} + 3 Monte Carlo standard errors"
    lines += ["", f"Known limits, the cells that {rule}:", ""]
    limits = [t for t in tallies if t.fails]
    if not limits:
        return "\n".join([*lines, "none."])
    lines += ["| default interval | setting | coverage | null rejected |", "|---|---|---|---|"]
    for t in limits:
        rejected_here = "" if isnan(t.rejection) else f"{t.rejection:.3f}"
        lines.append(f"| {t.method} | {t.setting} | {t.coverage:.3f} | {rejected_here} |")
    return "\n".join(lines)
