"""Replays from pools and with stand-ins: their intervals hold the known expectation often enough.

Templates are drawn of Beta distributions, attempts of templates; the gate passes what is right
with one chance, what is wrong with another. What a policy comes to is then known.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betaln

from polpo_lab.analysis.policies.pool import Expected, observed, pooled
from polpo_lab.analysis.policies.replayed_figures import expectation, prediction

LEVEL = 0.95
SENSITIVITY, FALSE_PASS = 0.9, 0.1
TEMPLATES, REPEATS, TRIES = 60, 5, 3
FIRST, FALLBACK = (2.0, 3.0), (3.0, 2.0)  # Beta distributions of the chance to be right


def accepted_given(chance: np.ndarray) -> np.ndarray:
    return chance * SENSITIVITY + (1 - chance) * FALSE_PASS


def attempts(rng: np.random.Generator, chance: np.ndarray, size: int) -> tuple[np.ndarray, ...]:
    """Return gate, outcome and cost of so many attempts of every template."""
    shape = (len(chance), size)
    right = rng.random(shape) < chance[:, None]
    accepted = rng.random(shape) < np.where(right, SENSITIVITY, FALSE_PASS)
    # What is wrong takes longer: cost and verdict hang together, as they do in life.
    cost = rng.exponential(1.0, shape) + np.where(right, 0.0, 1.0)
    return accepted.astype(float), right.astype(float), cost


def policy_run(rng: np.random.Generator, chance: np.ndarray) -> tuple[float, float]:
    """Run the policy of three tries once on each template: share solved, mean cost."""
    accepted, right, cost = attempts(rng, chance, TRIES)
    first = np.where(accepted.any(axis=1), accepted.argmax(axis=1), TRIES - 1)
    rows = np.arange(len(chance))
    made = np.arange(TRIES) <= first[:, None]
    return (accepted * right)[rows, first].mean(), (cost * made).sum(axis=1).mean()


def beta_mean_of_power(a: float, b: float, power: int) -> float:
    """Return E[(1 - q)^power], q the chance to be accepted, by the binomial expansion."""
    from math import comb, exp

    # 1 - q = (1 - f) - (s - f) p, with p of Beta(a, b).
    base, slope = 1 - FALSE_PASS, SENSITIVITY - FALSE_PASS
    return sum(
        comb(power, m) * base ** (power - m) * (-slope) ** m * exp(betaln(a + m, b) - betaln(a, b))
        for m in range(power + 1)
    )


def true_solved() -> float:
    """Return E[s p (1 + (1-q) + (1-q)^2)] by numerical integration over the Beta distribution."""
    from scipy.integrate import quad
    from scipy.stats import beta

    def solved(p: float) -> float:
        lost = 1 - float(accepted_given(np.array(p)))
        return float(SENSITIVITY * p * sum(lost**j for j in range(TRIES)) * beta.pdf(p, *FIRST))

    return float(quad(solved, 0, 1)[0])


def true_cost() -> float:
    from scipy.integrate import quad
    from scipy.stats import beta

    def cost(p: float) -> float:
        lost = 1 - float(accepted_given(np.array(p)))
        return float((2 - p) * sum(lost**j for j in range(TRIES)) * beta.pdf(p, *FIRST))

    return float(quad(cost, 0, 1)[0])


def covers(name: str, values: np.ndarray, known: float) -> bool:
    low, high = expectation(name, values, None).confidence_interval(LEVEL)
    return low <= known <= high


def check(hits: list[bool], least: float = LEVEL) -> None:
    """Compare a share of hits with its level, allowing for three Monte Carlo errors."""
    error = np.sqrt(least * (1 - least) / len(hits))
    assert np.mean(hits) >= least - 3 * error, f"{np.mean(hits):.3f} of {len(hits)}"


EXPERIMENTS = 2_000


def test_intervals_of_a_pool_hold_the_known_expectation():
    rng = np.random.default_rng(20261124)
    known = {"accepted": 1 - beta_mean_of_power(*FIRST, TRIES), "solved": true_solved(),
             "cost": true_cost()}  # fmt: skip
    hits: dict[str, list[bool]] = {name: [] for name in known}
    for _ in range():
        expected = a_pool(rng)
        values = {"accepted": expected.accepted, "solved": expected.solved,
                  "cost": expected.amounts["cost"].mean}  # fmt: skip
        for name, truth in known.items():
            hits[name].append(covers(name, values[name], truth))
    for each in hits.values():
        check(each)


def test_a_run_comes_to_lie_in_its_prediction_interval():
    rng = np.random.default_rng(20261125)
    hits: dict[str, list[bool]] = {"solved": [], "cost": []}
    for _ in range():
        expected = a_pool(rng)
        really = policy_run(rng, rng.beta(*FIRST, TEMPLATES))
        solved = expected.solved
        pairs = {
            "solved": (solved, solved * (1 - solved), really[0]),
            "cost": (expected.amounts["cost"].mean, expected.amounts["cost"].variance, really[1]),
        }
        for name, (values, variance, value) in pairs.items():
            result = expectation(name, values, None)
            low, high = prediction(name, result, float(variance.mean()) / TEMPLATES, LEVEL)
            hits[name].append(bool(low <= value <= high))
    for each in hits.values():
        check(each)


def test_intervals_of_an_assumed_replay_hold_where_the_assumption_does():
    """One own try, then the fallback; both are independent given the template."""
    rng = np.random.default_rng(20261126)
    known = 1 - beta_mean_of_power(*FIRST, 1) * beta_mean_of_power(*FALLBACK, 1)
    hits = []
    for _ in range():
        own, other = rng.beta(*FIRST, TEMPLATES), rng.beta(*FALLBACK, TEMPLATES)
        first, then = (as_run(*attempts(rng, chance, REPEATS)) for chance in (own, other))
        hits.append(covers("accepted", first.then(then).accepted, known))
    check(hits)


def a_pool(rng: np.random.Generator) -> Expected:
    accepted, right, cost = attempts(rng, rng.beta(*FIRST, TEMPLATES), REPEATS)
    return pooled(accepted, right, {"cost": cost}, tries=TRIES)


def as_run(accepted: np.ndarray, right: np.ndarray, cost: np.ndarray) -> Expected:
    return observed(accepted, accepted * right, {"cost": cost})
