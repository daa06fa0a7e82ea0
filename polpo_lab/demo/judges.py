"""Rule judges: reviewers that try a program on lists of their own choosing.

Three honest ones take `CRITERION`; each scores what it saw on its own seeded sample of
lists, so they differ as far as sampling makes them differ. A fourth, biased one takes
`TASTE`: it adds or takes off a point for length. Each takes its documented sentence and
nothing else. The reference program is among the criterion's own files, which only judges see.
"""

from __future__ import annotations

from polpo_lab.agents.view import TaskView
from polpo_lab.assess.judging import JudgedResult
from polpo_lab.assess.score import Score
from polpo_lab.demo.program_check import compare, random_lists

CRITERION = "solution.py agrees with the reference program on lists it was not shown."
TASTE = (
    "solution.py agrees with the reference program on lists it was not shown, "
    "in the eyes of a reviewer who likes short programs."
)
REFERENCE_FILE = "check/reference.py"
REVIEWERS = ("reviewer-a", "reviewer-b", "reviewer-c")
BIASED_REVIEWER = "brevity-lover"

SAMPLE = 8
SECONDS = 20.0
# At least this share of right answers for a score of 5, 4, 3 and 2.
SHARES = ((5, 1.0), (4, 0.85), (3, 0.6), (2, 0.3))
SHORT_LINES = 3
LONG_LINES = 6


def review(reviewer: str, criterion: str, task: TaskView, result: JudgedResult) -> Score:
    """Score a program by its share of right answers on this reviewer's sample.

    The sample's seed is the reviewer's name and ``task.seed``: another one in each round,
    the same one whenever that round is judged again.
    """
    del criterion  # it is the documented one: that is what `match` is for
    reference = result.files.get(REFERENCE_FILE)
    if reference is None:
        return Score(None, f"the criterion has no {REFERENCE_FILE} among its checkFiles")
    source = result.files.get("solution.py")
    if source is None:
        return Score(1, "there is no solution.py")
    lists = random_lists(f"{reviewer}:{task.seed}", SAMPLE)
    found = compare(source, reference, lists, SECONDS)
    right = sum(1 for _, _, wrong in found if wrong is None)
    score = next((score for score, share in SHARES if right >= share * SAMPLE), 1)
    return Score(score, f"{right} of {SAMPLE} sampled lists right")


def review_with_a_taste(
    reviewer: str, criterion: str, task: TaskView, result: JudgedResult
) -> Score:
    """Score like `review`, then one point more for a short program, one less for a long one.

    Short: at most `SHORT_LINES` lines of code; long: more than `LONG_LINES`.
    """
    fair = review(reviewer, criterion, task, result)
    if fair.score is None or "solution.py" not in result.files:
        return fair
    lines = sum(1 for line in result.files["solution.py"].splitlines() if line.strip())
    taste = (lines <= SHORT_LINES) - (lines > LONG_LINES)
    words = {1: "short, a point more", 0: "neither short nor long", -1: "long, a point less"}
    score = min(5, max(1, fair.score + taste))
    return Score(score, f"{fair.reason}; {lines} lines of code: {words[taste]}")
