"""Titles of tasks in groups: unique on the server, plain for the user. Pure.

A self-hosted server wants titles to differ among all its unfinished tasks, the reference
only among those of a group. So a title travels with its group behind it.
"""

from __future__ import annotations

from typing import Any


def title_on_server(title: str, group: str | None) -> str:
    """Return a title as the server gets it.

    Examples
    --------
    >>> title_on_server("Sum", "run 1"), title_on_server("Sum", None)
    ('Sum [run 1]', 'Sum')
    """
    return title if group is None else title + _behind(group)


def title_of_user(title: Any, group: Any) -> Any:
    """Return a title without the group behind it.

    Examples
    --------
    >>> title_of_user("Sum [run 1]", "run 1"), title_of_user("Sum", "run 1")
    ('Sum', 'Sum')
    """
    if not isinstance(title, str) or not isinstance(group, str):
        return title
    return title.removesuffix(_behind(group)) or title


def _behind(group: str) -> str:
    return f" [{group}]"
