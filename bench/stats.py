"""The clustered bootstrap of a mean, beside a bare numpy loop and scipy.stats.bootstrap.

10,000 draws over 10,000 templates with 3 repeats each; templates are drawn, and their repeats
travel with them. The bare loop draws templates and takes the mean of their means, nothing else;
scipy gets the templates' means. Ours also computes each draw's standard error (bootstrap-t).
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable

import numpy as np
from measure import asked_to_measure, in_own_process, in_turns, limit, plan, table

TEMPLATES, REPEATS, DRAWS = 10_000, 3, 10_000
MOST_OF_NUMPY = 1.5
MOST_MEGABYTES = 1_000


def passed() -> np.ndarray:
    rng = np.random.default_rng(7)
    return (rng.random((TEMPLATES, REPEATS)) < rng.beta(2, 1, (TEMPLATES, 1))).astype(float)


def with_numpy(values: np.ndarray) -> tuple[float, float]:
    means, rng = values.mean(axis=1), np.random.default_rng(0)
    drawn = np.empty(DRAWS)
    for draw in range(DRAWS):
        drawn[draw] = means[rng.integers(0, TEMPLATES, TEMPLATES, dtype=np.int32)].mean()
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def with_scipy(values: np.ndarray) -> tuple[float, float]:
    from scipy.stats import bootstrap

    interval = bootstrap(
        (values.mean(axis=1),),
        np.mean,
        n_resamples=DRAWS,
        method="percentile",
        batch=100,
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(interval.low), float(interval.high)


def with_us(method: str) -> Callable[[np.ndarray], tuple[float, float]]:
    def run(values: np.ndarray) -> tuple[float, float]:
        from polpo_lab.stats import bootstrap

        return bootstrap(values, draws=DRAWS, method=method, seed=0).confidence_interval()

    return run


WAYS: dict[str, Callable[[np.ndarray], tuple[float, float]]] = {
    "numpy, a bare loop": with_numpy,
    "scipy.stats.bootstrap, percentile": with_scipy,
    "polpo_lab.stats, bootstrap-t": with_us("t"),
    "polpo_lab.stats, percentile": with_us("percentile"),
}


def measured(way: str) -> dict[str, float]:
    values = passed()
    # What is imported late is not what is compared.
    if "scipy" in way:
        import scipy.stats  # noqa: F401
    elif "polpo_lab" in way:
        from polpo_lab.stats import bootstrap

        bootstrap(values[:10], draws=100)
    began = time.perf_counter()
    low, high = WAYS[way](values)
    seconds = time.perf_counter() - began
    if not low < values.mean() < high:
        raise SystemExit(f"{way}: {low} to {high} does not hold {values.mean()}")
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    per_megabyte = 1e6 if sys.platform == "darwin" else 1e3
    return {"seconds": seconds, "megabytes": kilobytes / per_megabyte, "width": high - low}


def main() -> None:
    chosen = plan(__doc__ or "")
    last: dict[str, dict[str, float]] = {}

    def seconds_of(way: str) -> float:
        last[way] = in_own_process(__file__, way)
        return last[way]["seconds"]

    # One run of less than a second each: medians of 5 also in the quick form.
    took = in_turns({way: lambda way=way: seconds_of(way) for way in WAYS}, max(5, chosen.repeats))
    bare = took["numpy, a bare loop"]
    rows = []
    for way in WAYS:
        ours = way.startswith("polpo_lab")
        ratio = limit(took[way] / bare, MOST_OF_NUMPY) if ours else f"{took[way] / bare:.2f}"
        megabytes = last[way]["megabytes"]
        room = f"{megabytes:,.0f}" + (f" (<= {MOST_MEGABYTES:,})" if ours else "")
        rows.append((way, f"{took[way] * 1e3:,.0f}", ratio, room, f"{last[way]['width']:.5f}"))
    table(
        f"{DRAWS:,} draws over {TEMPLATES:,} templates x {REPEATS} repeats, medians of 5",
        ["how", "ms", "of numpy", "MB, whole process", "width of 95% CI"],
        rows,
    )


if __name__ == "__main__":
    arguments = asked_to_measure()
    if arguments is None:
        main()
    else:
        print(json.dumps(measured(arguments[0])))
