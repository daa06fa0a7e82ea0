"""From what a user writes to a plan: names checked, single values named, mistakes explained."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic.alias_generators import to_snake

from polpo_lab.client import drafting
from polpo_lab.errors import InvalidArgument
from polpo_lab.experiments.conditions import OWN_CRITERIA, CriteriaSet, Policy
from polpo_lab.experiments.plan import Plan
from polpo_lab.experiments.suite import Suite
from polpo_lab.hostile_text import one_line
from polpo_lab.models import AgentInfo
from polpo_lab.models.wire import WireRequest

_LONGEST_NAME = 100
_LONGEST_FOLDER_NAME = 240  # bytes; what file systems take is 255
GIVEN_CRITERIA = "given"
_METRICS = ("passed", "score", "outcome", "cost", "seconds")  # others are columns, or functions
_MISSPELLED = 0.8  # how alike a name and a metric are, from where on it is a mistake


def plan_of(
    name: str,
    suite: Suite,
    agents: str | AgentInfo | Iterable[str | AgentInfo],
    policies: Any = None,
    criteria: Any = None,
    *,
    repeats: int = 1,
    seed: int = 0,
    primary: str | None = None,
) -> Plan:
    """Check what a user gave and make the plan of it.

    Parameters are those of `polpo_lab.Experiment`.

    Raises
    ------
    InvalidArgument
        Naming the value, the rule and the nearest right thing.
    """
    if not isinstance(suite, Suite):
        raise InvalidArgument(
            f"suite={_shown(suite)} is no suite: polpo.Suite.load(...) makes one of a file, a "
            "DataFrame, a list or a name"
        )
    if "/" in _name(name, "the experiment's name") or name in (".", ".."):
        raise InvalidArgument(f"name={_shown(name)}: a name is a folder's too: no '/', not '.'")
    return Plan(
        name=name,
        suite=suite,
        agents=_agents(agents),
        policies=_policies(policies),
        criteria=criteria_sets(criteria),
        repeats=_whole(repeats, "repeats", least=1),
        seed=_whole(seed, "seed", least=0),
        primary=primary if primary is None else _primary(primary),
    )


def check_folder_name(name: str) -> None:
    """Refuse a name that no folder can have.

    Raises
    ------
    InvalidArgument
        Naming the rule.
    """
    encoded = name.encode("utf-8", "replace")
    if "\0" in name or encoded.decode() != name or len(encoded) > _LONGEST_FOLDER_NAME:
        raise InvalidArgument(
            f"name={_shown(name)} is its folder's too: at most {_LONGEST_FOLDER_NAME} bytes of "
            "UTF-8, and no NUL; give another name, or folder="
        )


def _primary(metric: Any) -> str:
    """Refuse what looks like a known metric that is misspelled: all would be exploratory then."""
    name = _name(metric, "primary")
    near = difflib.get_close_matches(name, _METRICS, n=1, cutoff=_MISSPELLED)
    if near and name not in _METRICS:
        raise InvalidArgument(f"primary={_shown(metric)} is no metric; did you mean {near[0]!r}?")
    return name


def _agents(agents: Any) -> tuple[str, ...]:
    several = [agents] if isinstance(agents, (str, AgentInfo)) else agents
    if not isinstance(several, Iterable) or not (given := list(several)):
        raise InvalidArgument(f"agents={_shown(agents)}: give an agent's name, or several")
    names = [each.name if isinstance(each, AgentInfo) else each for each in given]
    for agent in names:
        if callable(agent):
            told = getattr(agent, "__name__", "its name")
            raise InvalidArgument(f"agents: {_shown(agent)}: give the agent's name, {told!r}")
        _name(agent, "an agent")
    if doubled := sorted({agent for agent in names if names.count(agent) > 1}):
        raise InvalidArgument(f"agents: {doubled[0]!r} is named twice; repeats= runs it again")
    return tuple(names)


def _policies(policies: Any) -> dict[str, Policy]:
    if policies is None or isinstance(policies, Policy):
        policy = policies or Policy()
        return {policy.words: policy}
    if isinstance(policies, Mapping) and policies and not _is_one(policies, Policy):
        made = {_name(n, "a policy's name"): _policy(n, value) for n, value in policies.items()}
    elif isinstance(policies, (list, tuple)) and policies:
        named = [_policy("policies", value) for value in policies]
        made = {policy.words: policy for policy in named}
        if len(made) < len(named):
            raise InvalidArgument("policies: two of them are the same")
    elif isinstance(policies, Mapping) and policies:
        policy = _policy("policies", policies)
        return {policy.words: policy}
    else:
        raise InvalidArgument(
            f"policies={_shown(policies)}: give a Policy, or several by name: "
            '{"once": polpo.Policy(), "twice": polpo.Policy(max_retries=1)}'
        )
    _refuse_equal("policies", made)
    return made


def _policy(name: Any, value: Any) -> Policy:
    if isinstance(value, Policy):
        policy = value
    elif isinstance(value, Mapping):
        policy = drafting.build_request(Policy, f"policy {name!r}", value)
    else:
        raise InvalidArgument(
            f"policy {name!r}: {_shown(value)} is no policy: use polpo.Policy(max_retries=...)"
        )
    drafting.warn_if_never_reached(policy.max_retries, policy.retry_policy, stacklevel=6)
    return policy


def criteria_sets(criteria: Any) -> dict[str, CriteriaSet | None]:
    """Return sets of criteria by name; one without a name is called ``given``."""
    if criteria is None:
        return {OWN_CRITERIA: None}
    if isinstance(criteria, Mapping) and criteria and not _is_one_set(criteria):
        made = {_name(n, "a criteria set's name"): _set(n, v) for n, v in criteria.items()}
        _refuse_equal("criteria", made)
        return made
    return {GIVEN_CRITERIA: _set("criteria", criteria)}


def _set(name: Any, value: Any) -> CriteriaSet | None:
    if value is None or isinstance(value, CriteriaSet):
        return value
    is_spelt_out = isinstance(value, Mapping) and _is_one(value, CriteriaSet)
    fields = value if is_spelt_out else {"expectations": _expectations(name, value)}
    return drafting.build_request(CriteriaSet, f"criteria {name!r}", fields)


def _expectations(name: Any, value: Any) -> list[Any]:
    if isinstance(value, (str, Mapping, WireRequest, list, tuple)) and value:
        return drafting.expectation_list(value)
    raise InvalidArgument(
        f"criteria {name!r}: {_shown(value)} is no set of expectations: give a list of them, "
        "a CriteriaSet, or None for each template's own"
    )


def _is_one(value: Mapping[Any, Any], model: type[WireRequest]) -> bool:
    """Tell one value spelt as a mapping from several by name, which may be called as a field."""
    if any(isinstance(each, model) for each in value.values()):
        return False
    return any(
        (field := to_snake(str(name))) in model.model_fields
        and (field == "retry_policy" or not isinstance(each, Mapping))
        for name, each in value.items()
    )


def _is_one_set(value: Mapping[Any, Any]) -> bool:
    return _is_one(value, CriteriaSet) or any(
        isinstance(value.get(name), str) for name in ("criterion", "type")
    )


def _refuse_equal(axis: str, values: Mapping[str, Any]) -> None:
    by_hash: dict[Any, str] = {}
    for name, value in values.items():
        content = None if value is None else value.hash
        if content in by_hash:
            raise InvalidArgument(
                f"{axis}: {by_hash[content]!r} and {name!r} are the same by content; to run "
                "something again, raise repeats"
            )
        by_hash[content] = name


def _name(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_NAME:
        raise InvalidArgument(
            f"{what}: {_shown(value)} must be a text of 1 to {_LONGEST_NAME} characters"
        )
    return value


def _whole(value: Any, what: str, *, least: int) -> int:
    is_whole = hasattr(value, "__index__") and not isinstance(value, bool)  # numpy's too
    if not is_whole or (number := operator.index(value)) < least:
        raise InvalidArgument(f"{what}={_shown(value)} must be a whole number from {least} on")
    return number


def _shown(value: Any) -> str:
    return one_line(repr(value), 80)
