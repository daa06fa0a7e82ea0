"""An imperfect verifier flatters: the numeric example of Stroebl et al. (2024), as we print it."""

from __future__ import annotations

import numpy as np
import pytest

from polpo_lab.analysis.policies import policies
from polpo_lab.analysis.policies.pool import pooled
from polpo_lab.experiments.conditions import Policy
from tests.analysis.policy_frames import Told, frames

TRUE, SENSITIVITY, FALSE_PASS, TRIES = 0.30, 0.9, 0.1, 4
APPARENT, RIGHT = 0.81, 0.64  # arXiv:2411.17501, as worked out in statistics.md


def words(rng: np.random.Generator) -> tuple[str, ...]:
    """Try until the gate accepts, four times at most."""
    tried = []
    for _ in range(TRIES):
        right = rng.random() < TRUE
        accepted = rng.random() < (SENSITIVITY if right else FALSE_PASS)
        tried.append(("+" if accepted else "-") + ("+" if right else "."))
        if accepted:
            break
    return tuple(tried)


def test_four_tries_look_like_81_percent_and_are_right_in_64():
    rng = np.random.default_rng(20261124)
    trials = [Told(f"t{n:04d}", words(rng), policy="four") for n in range(4_000)]
    found = policies(**frames(trials), policies={"four": Policy(max_retries=TRIES - 1)})
    accepted, solved = found.figure("accepted"), found.figure("solved")
    for figure, known in ((accepted, APPARENT), (solved, RIGHT)):
        low, high = figure.confidence_interval(0.99)
        assert low < known < high
        assert figure.estimate == pytest.approx(known, abs=0.02)
    correct = [found.figure("correct_given_accepted", attempt=a).estimate for a in (1, 2, 3, 4)]
    assert correct == pytest.approx([0.27 / 0.34] * TRIES, abs=0.05)


def test_a_large_pool_gives_the_same_two_numbers():
    """One template whose pool holds each kind of attempt as often as it is expected."""
    size = 100_000
    accepted = np.repeat([1.0, 1.0, 0.0, 0.0], [27_000, 7_000, 3_000, 63_000])
    right = np.repeat([1.0, 0.0, 1.0, 0.0], [27_000, 7_000, 3_000, 63_000])
    assert len(accepted) == size
    expected = pooled(accepted[None], right[None], {}, tries=TRIES)
    assert float(expected.accepted[0]) == pytest.approx(APPARENT, abs=0.005)
    assert float(expected.solved[0]) == pytest.approx(RIGHT, abs=0.005)
