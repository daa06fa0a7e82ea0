"""What an experiment's board says around its grid: state, budget, troubles, actions. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from polpo_lab.experiments.progress import STANDINGS, Snapshot, Standing, Trouble
from polpo_lab.experiments.telling import (
    budget_words,
    clock,
    cost_words,
    pace_words,
    state_words,
)
from polpo_lab.experiments.trial import Trial
from polpo_lab.hostile_text import one_line

SHOWN_TROUBLES = 8
SHOWN_REPEATS = 200

STANDING_MARKS: Mapping[Standing, str] = {
    "passed": "✓",
    "failed": "✗",
    "missing": "?",
    "running": "▸",
    "awaiting": "‖",
    "todo": "·",
}
STANDING_WORDS: Mapping[Standing, str] = {
    "passed": "passed",
    "failed": "failed",
    "missing": "no result",
    "running": "running",
    "awaiting": "awaits a person",
    "todo": "to do",
}
ACTIONS = {
    "pause": ("Pause", "run.pause()"),
    "resume": ("Resume", "run.resume()"),
    "stop": ("Stop", "run.stop()"),
    "leave": ("Stop, leave what runs", "run.stop(leave=True)"),
}
_LEGAL = {
    "running": ["pause", "stop", "leave"],
    "paused": ["resume", "stop", "leave"],
    "stopping": ["leave"],
}


def legal_actions(state: str, *, is_over: bool) -> list[str]:
    """Name what can be asked of a run in a state, in the order of the buttons."""
    return [] if is_over else _LEGAL.get(state, [])


def summarise_run(
    name: str,
    snapshot: Snapshot,
    *,
    is_over: bool,
    is_dry: bool,
    changes: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the head of a board.

    Parameters
    ----------
    name : str
        Of the experiment.
    snapshot : Snapshot
    is_over : bool
    is_dry : bool
        Whether nothing runs, and nothing will.
    changes : sequence of str
        Of templates and agents since they were run.
    """
    state = "as journalled" if is_dry else state_words(snapshot)
    spent, words = snapshot.spent, budget_words(snapshot)
    taken = clock(snapshot.seconds)
    facts = [f"took {taken}"] if is_over else [f"{taken} so far", pace_words(snapshot)]
    if is_dry:
        facts = []
    if "cost" not in spent and not is_dry:
        facts.insert(0, cost_words(snapshot))
    facts += [one_line(each, 300) for each in changes]
    return {
        "name": one_line(name, 100),
        "state": snapshot.state if not is_over else "over",
        "stateText": one_line(state, 300),
        "planned": snapshot.planned,
        "ended": snapshot.ended,
        "counts": [[word, STANDING_WORDS[word], snapshot.counts[word]] for word in STANDINGS],
        "facts": facts,
        "budget": [
            {"name": limit, "text": words[limit], "share": min(1.0, used / most) if most else 1.0}
            for limit, (used, most) in spent.items()
        ],
        "actions": legal_actions(snapshot.state, is_over=is_over),
    }


def summarise_troubles(troubles: tuple[Trouble, ...]) -> list[dict[str, Any]]:
    """Return the most frequent messages, and a line for the others."""
    shown = [
        {"count": each.count, "message": each.message, "trial": each.trial}
        for each in troubles[:SHOWN_TROUBLES]
    ]
    rest = troubles[SHOWN_TROUBLES:]
    if rest:
        words = f"… {len(rest):,} other messages"
        shown.append({"count": sum(t.count for t in rest), "message": words, "trial": ""})
    return shown


def summarise_cell(
    title: str, trials: list[Trial], standings: Mapping[str, Standing]
) -> dict[str, Any]:
    """Return the repeats of a cell, for the list below the grid.

    Parameters
    ----------
    title : str
        Of template and condition.
    trials : list of Trial
    standings : mapping of str to Standing
        By trial id.
    """
    ordered = sorted(trials, key=lambda trial: trial.repeat)
    return {
        "title": title,
        "repeats": [
            {
                "trial": trial.id,
                "repeat": trial.repeat,
                "standing": standings[trial.id],
                "text": f"{STANDING_MARKS[standings[trial.id]]} "
                f"{STANDING_WORDS[standings[trial.id]]}",
            }
            for trial in ordered[:SHOWN_REPEATS]
        ],
        "leftOut": max(0, len(ordered) - SHOWN_REPEATS),
    }


def code_of(actions: list[str]) -> str:
    """Return the Python that does what the board and its buttons do.

    Examples
    --------
    >>> print(code_of(["pause"]))
    run.board()           # this board
    run.pause()
    """
    lines = ["run.board()           # this board"]
    lines += [ACTIONS[action][1] for action in actions]
    return "\n".join(lines)
