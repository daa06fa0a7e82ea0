"""`Comparison`: what `compare` answers with, as tables, a sentence and further questions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from polpo_lab.analysis import columns as c
from polpo_lab.analysis.comparison.clustering import Clustering, clustering_of
from polpo_lab.analysis.comparison.conditions import ConditionResult
from polpo_lab.analysis.comparison.display import as_html, as_text
from polpo_lab.analysis.comparison.frames import conditions_frame, differences_frame
from polpo_lab.analysis.comparison.groups import undecided_groups
from polpo_lab.analysis.comparison.metrics import Metric
from polpo_lab.analysis.comparison.request import Request
from polpo_lab.analysis.comparison.roles import Roles
from polpo_lab.analysis.comparison.selection import selection_of
from polpo_lab.analysis.comparison.sentences import basis_of, sentence_of
from polpo_lab.analysis.comparison.table import OF_FRAME, Table, joined, table_of
from polpo_lab.analysis.comparison.verdicts import Difference
from polpo_lab.errors import InvalidArgument

if TYPE_CHECKING:
    from polpo_lab.analysis.comparison.flips import Flips
    from polpo_lab.analysis.comparison.side_by_side import TrialReader
    from polpo_lab.analysis.sample_sizes import SampleSizes


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Conditions compared on the same templates. `compare` makes one.

    Attributes
    ----------
    sentence : str
        The result in one plain sentence.
    conditions, differences : DataFrame
        One row per condition, and per contrast.
    groups : list of list of str
        Conditions that are not told apart from each other. Undecided is no tie.
    warnings : tuple of str
        What the design cannot support, in words.
    values : DataFrame
        Mean of each template (rows) under each condition (columns): what was compared.
    strata : dict of str to Comparison
        One comparison for each value of an axis that was neither compared nor fixed.
    request : Request
        What was asked.
    """

    frame: pd.DataFrame
    request: Request
    roles: Roles
    metric: Metric
    table: Table
    clustering: Clustering
    condition_results: tuple[ConditionResult, ...]
    difference_results: tuple[Difference, ...]
    warnings: tuple[str, ...]
    reader: TrialReader | None = None

    @cached_property
    def sentences(self) -> list[str]:
        """One sentence for each contrast, in the order of `differences`."""
        return [
            sentence_of(
                each,
                self.condition_results,
                self.metric,
                self.request,
                basis_of(each, self.table, self.clustering, self.roles.axes),
                is_simultaneous=self.is_simultaneous,
            )
            for each in self.difference_results
        ]

    @property
    def is_simultaneous(self) -> bool:
        """Whether the intervals hold together, for several contrasts."""
        return len(self.difference_results) > 1 and self.request.correction != "bh"

    @property
    def is_exploratory(self) -> bool:
        """Whether another metric was declared the primary one."""
        return self.request.primary not in {None, self.metric.name}

    @property
    def sentence(self) -> str:
        """The result in one plain sentence; of several contrasts, that of the first two."""
        told = self.sentences[self._leading()]
        if len(self.condition_results) > 2 and not self.request.interaction:
            told = f"Among {self._kinds()}, {_continued(told)}"
        return f"Exploratory: {_continued(told)}" if self.is_exploratory else told

    def _kinds(self) -> str:
        words = {c.AGENT: "agents", c.POLICY: "policies", c.CRITERIA: "criteria", "model": "models"}
        by = self.roles.by[0] if len(self.roles.by) == 1 else ""
        return f"{len(self.condition_results)} {words.get(by, 'conditions')}"

    def _leading(self) -> int:
        """Return the contrast of the leading condition with the next one, or with the baseline."""
        if self.request.interaction:
            return 0
        sign = 1 if self.metric.lower_is_better else -1
        means = np.array([each.estimate.estimate for each in self.condition_results])
        order = list(np.argsort(sign * np.nan_to_num(means, nan=sign * -np.inf), kind="stable"))
        rank = {at: place for place, at in enumerate(order)}
        contrasts = [each.contrast for each in self.difference_results]
        return min(
            range(len(contrasts)),
            key=lambda at: sorted((rank[contrasts[at].plus[0]], rank[contrasts[at].minus[0]])),
        )

    @cached_property
    def conditions(self) -> pd.DataFrame:
        """One row per condition: its rate or mean with interval, and n used of n planned."""
        return conditions_frame(self)

    @cached_property
    def differences(self) -> pd.DataFrame:
        """One row per contrast: difference, adjusted interval and p, wins, verdict.

        Differences of rates are in points, those of durations are ratios.
        """
        return differences_frame(self)

    @cached_property
    def groups(self) -> list[list[str]]:
        """The largest groups in which no two conditions are told apart."""
        if self.request.interaction:
            return []
        pairs = [
            (each.contrast.plus[0], each.contrast.minus[0])
            for each in self.difference_results
            if not each.is_decided
        ]
        names = self.table.names
        return [[names[at] for at in group] for group in undecided_groups(pairs, len(names))]

    @property
    def values(self) -> pd.DataFrame:
        """Mean of each template under each condition; NaN where there is none."""
        index = pd.Index(self.table.templates, name=self.roles.template)
        return pd.DataFrame(self.table.means, index=index, columns=self.table.names)

    @cached_property
    def strata(self) -> dict[str, Comparison]:
        """One comparison for each combination of the axes that were left open; {} if none was.

        Left out are those in which fewer than two conditions were run.
        """
        from polpo_lab.analysis.compare import compared

        if not self.roles.axes:
            return {}
        found = {}
        for at, values in enumerate(self.table.strata):
            was_run = self.table.n_planned[:, :, at].any(axis=0)
            if was_run.sum() < 2:
                continue
            fixed = dict(zip(self.roles.axes, values, strict=True))
            request = replace(self.request, at={**(self.request.at or {}), **fixed})
            found[joined(values)] = compared(self.frame, request, self.reader)
        return found

    def pass_rates(self, of: str | None = None, k: int | None = None) -> pd.DataFrame:
        """Return the curves of pass@k and pass^k of each condition.

        Parameters
        ----------
        of : {"first", "final"}, optional
            Whose passes are counted: first tries (attempt 1, round 0), or verdicts after all
            fixes and retries. First tries where the frame knows them, as those of experiments do.
        k : int, optional
            Largest k; default, as many as a template has repeats.

        Returns
        -------
        DataFrame
            One row for each condition, curve and k, with clustered interval, and the templates
            that have too few repeats for this k and are left out.

        Raises
        ------
        InvalidArgument
            The metric is no verdict, an axis is open, or k is larger than the repeats.
        """
        from polpo_lab.analysis.comparison.pass_rates import pass_rates

        if not self.metric.is_verdict:
            raise InvalidArgument(
                f"metric={self.metric.name!r} is no verdict; pass@k counts passes: compare 'passed'"
            )
        if self.roles.axes:
            raise InvalidArgument(
                f"{self.roles.axes[0]} is open, and pass@k is of one condition: fix it with at=, "
                "or take it from .strata"
            )
        knows_first = c.FIRST_PASSED in self.frame.columns and self.metric.name == c.PASSED
        of = of or ("first" if knows_first else "final")
        if of not in {"first", "final"}:
            raise InvalidArgument(f"of={of!r} is unknown. Known: first, final")
        if of == "final":
            return pass_rates(self.table, self.clustering, of, k, self.request.level)
        if not knows_first:
            raise InvalidArgument(
                "of='first' needs the column 'first_passed' and metric='passed'; use of='final'"
            )
        selection = selection_of(self.frame, replace(self.request, metric=c.FIRST_PASSED))
        table = table_of(selection)
        clustering = clustering_of(selection, table, self.request)
        return pass_rates(table, clustering, of, k, self.request.level)

    def flips(self, a: Any, b: Any) -> Flips:
        """Return the templates whose verdict differs between two conditions.

        Parameters
        ----------
        a, b : str or tuple
            The conditions: their names, or the values of the compared columns.

        Returns
        -------
        Flips
            The templates with the largest differences first; each opens two of its trials,
            side by side.

        Raises
        ------
        InvalidArgument
            There is no such condition, or the frame has no verdicts.
        """
        from polpo_lab.analysis.comparison.flips import flips_between

        return flips_between(self, a, b)

    def power(
        self, detect: float = 0.05, repeats: int | None = None, target: float = 0.8
    ) -> SampleSizes:
        """Say how many templates it takes to find a difference, with these trials as the pilot.

        Parameters
        ----------
        detect : float, default 0.05
            The true difference to be found, in the unit of the values: 0.05 is 5 points.
        repeats : int, optional
            Planned repeats of each template; default, as many as there are.
        target : float, default 0.8
            The chance wanted of finding it.

        Returns
        -------
        SampleSizes
            One row per pair of conditions.
        """
        from polpo_lab.analysis.sample_sizes import sample_sizes

        return sample_sizes(self, detect, repeats, target)

    def trial_rows(self, *columns: str) -> pd.DataFrame:
        """Return the trials that took part, for whoever looks at single ones.

        Parameters
        ----------
        *columns : str
            Columns of the frame to add, named with `OF_FRAME` before; those that it has not are
            left out.

        Returns
        -------
        DataFrame
            ``template`` and ``condition``, as positions in `table`, and ``value``.
        """
        selection = selection_of(self.frame, self.request)
        further = [name for name in columns if name in self.frame.columns]
        rows = pd.DataFrame(
            {
                "template": self.table.template_of,
                "condition": self.table.cell_of // len(self.table.strata),
                "value": selection.values,
            }
        )
        added = self.frame[further].iloc[selection.rows].reset_index(drop=True)
        return pd.concat([rows, added.add_prefix(OF_FRAME)], axis=1)

    def to_frame(self) -> pd.DataFrame:
        """Return `differences`."""
        return self.differences

    def __repr__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)


def _continued(sentence: str) -> str:
    """Return a sentence that goes on after a colon or comma; names keep their capitals."""
    return "it is" + sentence[len("It is") :] if sentence.startswith("It is ") else sentence
