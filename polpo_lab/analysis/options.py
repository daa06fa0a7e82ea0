"""Which further options calls of `Results` and of `Rescored` take; a misspelled one is named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType

from polpo_lab.errors import InvalidArgument

_COMPARING = (
    "interaction",
    "baseline",
    "cluster",
    "correction",
    "margin",
    "level",
    "seed",
    "blocks",
)
OPTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "compare": _COMPARING,
        "power": ("by", "metric", "at", *_COMPARING),
        "criteria": ("rounds", "base", "cluster", "seed"),
        "rescored.criteria": ("cost", "rounds", "cluster", "seed"),
        "rescore": ("name", "base", "concurrency", "sandbox"),
        "rejudge": ("criteria", "base", "concurrency", "sandbox", "seed"),
        "label": ("sample", "scale", "blind", "seed", "rounds"),
    }
)


def check_options(call: str, given: Iterable[str], own: Iterable[str] = ()) -> None:
    """Refuse an option that a call does not have, with the nearest one.

    Parameters
    ----------
    call : str
        Of `OPTIONS`.
    given : iterable of str
    own : iterable of str
        The call's named parameters, of which one may have been meant.

    Raises
    ------
    InvalidArgument

    Examples
    --------
    >>> check_options("compare", ["basline"])
    Traceback (most recent call last):
    polpo_lab.errors.InvalidArgument: compare() has no option 'basline'; did you mean 'baseline'? \
Options: interaction, baseline, cluster, correction, margin, level, seed, blocks
    """
    known = [*own, *OPTIONS[call]]
    for name in given:
        if name not in OPTIONS[call]:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise InvalidArgument(
                f"{call}() has no option {name!r}{hint} Options: {', '.join(known)}"
            )
