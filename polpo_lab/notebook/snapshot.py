"""A card's static page: the final state as HTML that needs no script and no style sheet. Pure.

GitHub strips styles and classes, so the page is headings, tables and preformatted text.
Every text passes `escape_html`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from polpo_lab.hostile_text import escape_html, last_lines, one_line, strip_control

SHOWN_LINES = 40
_MINUTE, _HOUR = 60, 3600


def verdict_text(passed: bool | None, *, judged: bool = True) -> str:
    """Spell a verdict with a mark and a word, never by colour alone.

    Examples
    --------
    >>> verdict_text(True), verdict_text(None), verdict_text(None, judged=False)
    ('✓ passed', '? not judged', '-')
    """
    if passed is None:
        return "? not judged" if judged else "-"
    return "✓ passed" if passed else "✗ failed"


def score_text(score: float | None) -> str:
    """Spell a score from 1 to 5.

    Examples
    --------
    >>> score_text(4.25), score_text(None)
    ('4.2 of 5', '-')
    """
    return "-" if score is None else f"{score:.1f} of 5"


def duration_text(seconds: float | None) -> str:
    """Spell a duration.

    Examples
    --------
    >>> duration_text(0.25), duration_text(75), duration_text(3_700)
    ('0.2 s', '1 min 15 s', '1 h 1 min')
    """
    if seconds is None:
        return "-"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min {seconds % _MINUTE:.0f} s"
    return f"{seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:.0f} min"


def attempt_text(attempt: int, max_retries: int) -> str:
    """Spell which attempt it is; a retry by hand may go beyond those that are automatic.

    Examples
    --------
    >>> attempt_text(1, 3), attempt_text(5, 3)
    ('attempt 1 of at most 4', 'attempt 5')
    """
    limit = max_retries + 1
    return f"attempt {attempt} of at most {limit}" if attempt <= limit else f"attempt {attempt}"


def table(headings: list[str], rows: list[list[str]]) -> str:
    """Build a table from texts that are escaped here."""
    if not rows:
        return ""
    head = "".join(f'<th style="text-align:left">{escape_html(h)}</th>' for h in headings)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text: str) -> str:
    return f'<td style="text-align:left">{escape_html(text)}</td>'


def card_text(summary: dict[str, Any]) -> str:
    """Return the card in one line, for a terminal."""
    return one_line(f"{summary['title']}: {_state(summary)} ({summary['taskId']})", 300)


def _state(summary: dict[str, Any]) -> str:
    words = [summary["statusText"]]
    if summary["reason"]:
        words.append(summary["reason"])
    if summary["score"] is not None:
        words.append(f"score {score_text(summary['score'])}")
    return " · ".join(words)


def card_page(
    summary: dict[str, Any],
    attempts: list[dict[str, Any]],
    checks: list[dict[str, Any]],
    output: str,
    lines: int,
    code: str,
) -> str:
    """Return the static page of a card.

    Parameters
    ----------
    summary, attempts, checks
        As `card_summary` makes them.
    output : str
        The end of what the agent wrote.
    lines : int
        How many lines it wrote in all.
    code : str
        The Python that does what the card does.
    """
    mark = {"done": "✓ ", "failed": "✗ "}.get(summary["status"], "")
    lead = [mark + _state(summary), _particulars(summary)]
    parts = [
        f"<p><strong>{escape_html(summary['title'])}</strong>",
        *(f"<br>{escape_html(line)}" for line in lead),
        "</p>",
        _feedback(summary),
        table(
            ["attempt", "agent", "end", "verdict", "score", "time"],
            [_attempt_row(a) for a in attempts],
        ),
        table(["check", "verdict", "score", "says"], [_check_row(c) for c in checks]),
        _result(summary),
        _output(output, lines, summary["whole"]),
        f"<details><summary>Python for this card</summary><pre>{escape_html(code)}</pre></details>",
        f"<p><small>{escape_html(_as_of(summary))}</small></p>",
    ]
    return "".join(parts)


def _particulars(summary: dict[str, Any]) -> str:
    words = [f"task {summary['taskId']}", f"agent {summary['agent']}"]
    if summary["model"]:
        words.append(f"model {summary['model']}")
    words.append(attempt_text(summary["attempt"], summary["maxRetries"]))
    if summary["since"] and summary["until"]:
        words.append(duration_text((summary["until"] - summary["since"]) / 1000))
    return " · ".join(words)


def _as_of(summary: dict[str, Any]) -> str:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if summary["status"] in ("done", "failed"):
        return f"Saved {now}. {summary['again']}"
    return f"As of {now}, not finished. {summary['again']}"


def _feedback(summary: dict[str, Any]) -> str:
    text = summary["feedback"]
    return f"<p>Feedback:</p><pre>{escape_html(text)}</pre>" if text else ""


def _attempt_row(attempt: dict[str, Any]) -> list[str]:
    name = f"{attempt['attempt']}" + (f", fix {attempt['round']}" if attempt["round"] else "")
    if attempt["kind"] in ("retry", "escalated"):
        name += f" ({attempt['kind']})"
    return [
        name,
        attempt["agent"],
        attempt["exit"] or "running",
        verdict_text(attempt["passed"], judged=attempt["judged"]),
        score_text(attempt["score"]),
        duration_text(attempt["seconds"]),
    ]


def _check_row(check: dict[str, Any]) -> list[str]:
    name = check["name"] + (f" ({', '.join(check['tags'])})" if check["tags"] else "")
    says = [check["message"]] if check["message"] else []
    says += [
        f"{r['name']}: {score_text(r['score'])}" + (f", {r['text']}" if r["text"] else "")
        for r in check["reviewers"]
    ]
    return [
        name,
        verdict_text(check["passed"]),
        score_text(check["score"]),
        one_line("; ".join(says), 600),
    ]


def _result(summary: dict[str, Any]) -> str:
    result = summary["result"]
    if result is None:
        return ""
    text = result["error"] or result["content"]
    body = f"<p>Result:</p><pre>{escape_html(text)}</pre>" if text else ""
    if result["files"]:
        more = f" and {result['moreFiles']} more" if result["moreFiles"] else ""
        body += f"<p>Files: {escape_html(', '.join(result['files']) + more)}</p>"
    return body


def _output(output: str, lines: int, whole: str) -> str:
    shown = last_lines(output, SHOWN_LINES)
    if not shown:
        return ""
    note = ""
    if lines > len(shown):
        left_out = f"{lines - len(shown):,} earlier lines are not shown here"
        note = f"{left_out}; {whole}"
    text = strip_control("\n".join(shown))
    head = f"<p>Output{': ' + escape_html(note) if note else ':'}</p>"
    return f"{head}<pre>{escape_html(text)}</pre>"
