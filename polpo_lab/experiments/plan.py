"""A plan: which trials an experiment consists of, in which order, with which seeds. Pure.

The order is that of randomised complete blocks: one repeat of every template under every
condition is a block, and inside a block chance decides. A trial's place in its block hangs
on its own names only, so that an experiment that is extended keeps the order it had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from polpo_lab.experiments.conditions import CriteriaSet, Policy
from polpo_lab.experiments.content import content_hash
from polpo_lab.experiments.suite import Suite
from polpo_lab.experiments.template import Template
from polpo_lab.experiments.trial import Condition, Trial
from polpo_lab.models import TaskCreate
from polpo_lab.seeding import mixed_seed

Versions = Mapping[str, str | None]  # agent -> version, as the server tells


@dataclass(frozen=True)
class Plan:
    """What an experiment is made of. `planning.plan_of` makes one of what users write.

    Attributes
    ----------
    name : str
    suite : Suite
    agents : tuple of str
    policies : mapping of str to Policy
    criteria : mapping of str to (CriteriaSet or None)
        None: each template's own expectations.
    repeats : int
        Independent runs of every template under every condition.
    seed : int
        All chance hangs on it: order, agents, judges.
    primary : str, optional
        The metric that decides, declared beforehand; others are exploratory.
    """

    name: str
    suite: Suite
    agents: tuple[str, ...]
    policies: Mapping[str, Policy]
    criteria: Mapping[str, CriteriaSet | None]
    repeats: int = 1
    seed: int = 0
    primary: str | None = None

    def __len__(self) -> int:
        return len(self.suite) * len(list(self.conditions())) * self.repeats

    def conditions(self) -> Iterator[Condition]:
        """Yield every condition, in the order the axes were given."""
        return (Condition(*c) for c in product(self.agents, self.policies, self.criteria))

    def all_agents(self) -> tuple[str, ...]:
        """Return every agent that can come to work, also those that policies fall back to."""
        reached = (p.agents(a) for a in self.agents for p in self.policies.values())
        return tuple(dict.fromkeys(name for names in reached for name in names))

    def trials(self, versions: Versions) -> tuple[Trial, ...]:
        """Return every trial, in the order they are to be run.

        Parameters
        ----------
        versions : mapping of str to (str or None)
            Version of each agent; a changed agent makes other trials.
        """
        unordered = (
            (template, condition, repeat)
            for repeat in range(1, self.repeats + 1)
            for template in self.suite
            for condition in self.conditions()
        )
        drawn = sorted(unordered, key=lambda each: (each[2], self._lot(*each)))
        hashes = {t.id: t.hash for t in self.suite}
        tasks = {
            (template.id, name): hash_
            for template in self.suite
            for name, hash_ in self._task_hashes(template).items()
        }
        policies = {name: policy.hash for name, policy in self.policies.items()}
        workers = {
            (agent, name): [[worker, versions.get(worker)] for worker in policy.agents(agent)]
            for agent, (name, policy) in product(self.agents, self.policies.items())
        }
        return tuple(
            Trial(
                id=content_hash(
                    [
                        tasks[template.id, condition.criteria],
                        policies[condition.policy],
                        workers[condition.agent, condition.policy],
                        seed,
                        repeat,
                    ]
                ),
                template=template.id,
                template_hash=hashes[template.id],
                family=template.family,
                agent=condition.agent,
                agent_version=versions.get(condition.agent),
                policy=condition.policy,
                criteria=condition.criteria,
                repeat=repeat,
                block=repeat,
                position=position,
                seed=seed,
            )
            for position, (template, condition, repeat) in enumerate(drawn)
            for seed in [mixed_seed(self.seed, template.id, repeat)]
        )

    def _lot(self, template: Template, condition: Condition, repeat: int) -> str:
        return content_hash(["order", self.seed, repeat, template.id, *condition])

    def _task_hashes(self, template: Template) -> dict[str, str]:
        """Hash what agent and judges are given, under each set of criteria.

        Two sets can come to the same for a template (one that extends, where it has nothing
        of its own). They are conditions of their own all the same: the later one's trials
        are named by the set too.
        """
        hashes: dict[str, str] = {}
        for name, chosen in self.criteria.items():
            expectations = [e.wire() for e in self.expectations(template, name)]
            found = content_hash({**template.given, "expectations": expectations})
            if found in hashes.values():
                found = content_hash([found, chosen and chosen.hash])
            hashes[name] = found
        return hashes

    def replays(self) -> tuple[str, ...]:
        """Say which policies need not be run: their trials are exact replays of a longer one's."""
        return tuple(
            f"policy {short!r} is an exact replay of {long!r} (its first "
            f"{self.policies[short].attempts} of {self.policies[long].attempts} attempts), where "
            "seeds are kept: its trials need not be run"
            for short in self.policies
            for long in self.policies
            if self.policies[short].is_truncation_of(self.policies[long])
        )

    def expectations(self, template: Template, criteria: str) -> list[Any]:
        """Return what a template's results are judged by, under a set of criteria."""
        chosen = self.criteria[criteria]
        own = template.expectations
        return list(own) if chosen is None else chosen.applied_to(own)

    def request(self, trial: Trial, *, group: str) -> TaskCreate:
        """Return the request that creates a trial's task.

        Parameters
        ----------
        trial : Trial
        group : str
            Of its own for each try, so that titles never meet.
        """
        template, policy = self.suite[trial.template], self.policies[trial.policy]
        optional: dict[str, Any] = {
            "files": template.files,
            "max_duration": template.max_duration,
            "side_effects": template.side_effects,
            "retry_policy": policy.retry_policy,
        }
        return TaskCreate(
            title=template.title,
            description=template.description,
            assign_to=trial.agent,
            group=group,
            expectations=self.expectations(template, trial.criteria),
            expected_outcomes=template.expected_outcomes,
            max_retries=policy.max_retries,
            max_fix_attempts=policy.fixes,
            seed=trial.seed,
            **{name: value for name, value in optional.items() if value},
        )

    @property
    def hash(self) -> str:
        """Hash of the whole plan, the name aside."""
        record = self.to_record()
        return content_hash({**record, "name": None, "suite": self.suite.hash})

    def to_record(self) -> dict[str, Any]:
        """Return it as a JSON object, the suite's content included."""
        return {
            "name": self.name,
            "suite": self.suite.to_record(),
            "agents": list(self.agents),
            "policies": {name: policy.wire() for name, policy in self.policies.items()},
            "criteria": {name: c and c.wire() for name, c in self.criteria.items()},
            "repeats": self.repeats,
            "seed": self.seed,
            "primary": self.primary,
        }

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Plan:
        """Read what `to_record` wrote."""
        criteria = record["criteria"].items()
        return cls(
            name=record["name"],
            suite=Suite.from_record(record["suite"]),
            agents=tuple(record["agents"]),
            policies={n: Policy.model_validate(p) for n, p in record["policies"].items()},
            criteria={n: c and CriteriaSet.model_validate(c) for n, c in criteria},
            repeats=record["repeats"],
            seed=record["seed"],
            primary=record["primary"],
        )
