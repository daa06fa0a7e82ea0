"""The independent units of a comparison: random families are clusters, fixed ones are strata.

Clusters ask about families like these; strata take these families as all there are, so that
only the deviations within them count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from polpo_lab.analysis.comparison.request import Request
from polpo_lab.analysis.comparison.roles import checked_column
from polpo_lab.analysis.comparison.selection import Selection
from polpo_lab.analysis.comparison.table import Table, families_of
from polpo_lab.errors import InvalidArgument
from polpo_lab.stats.samples import Codes, Floats

CHOICES = ("auto", "family", "template", "strata")


@dataclass(frozen=True)
class Clustering:
    """What the templates belong to.

    Attributes
    ----------
    codes : ndarray of shape (T,)
        Each template's independent unit.
    word : str
        What the units are called: ``template``, ``family``, or a column.
    strata : ndarray of shape (T,), optional
        Each template's fixed family.
    n_without : int
        Templates without a family; each is a unit of its own.
    """

    codes: Codes
    word: str
    strata: Codes | None = None
    n_without: int = 0

    @property
    def is_by_template(self) -> bool:
        """Whether the templates themselves are the independent units."""
        return self.word == "template"

    def of(self, kept: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Clustering:
        """Return the same for some of the templates."""
        strata = None if self.strata is None else self.strata[kept]
        return replace(self, codes=self.codes[kept], strata=strata)

    def within(self, values: Floats) -> Floats:
        """Return values, one per template, whose plain variance is the one within strata.

        Deviations from the stratum's mean are put around the overall mean, and stretched so
        that n / (n - 1), which a plain variance applies, becomes each stratum's own. The mean
        stays as it is. Strata of one template have no deviations: they count as one stratum.
        """
        if self.strata is None or len(values) < 2:
            return values
        strata = _joined(self.strata)
        size = np.bincount(strata).astype(float)
        center = np.bincount(strata, values) / np.maximum(size, 1)
        n = len(values)
        stretch = np.sqrt(size / np.maximum(size - 1, 1) * (n - 1) / n)
        moved: Floats = (values - center[strata]) * stretch[strata] + values.mean()
        return moved


def _joined(strata: Codes) -> Codes:
    """Return the strata with those of one template made one; a last single joins the first."""
    codes = np.unique(strata, return_inverse=True)[1]
    single = np.bincount(codes) == 1
    if single.sum() == 1:
        others = np.flatnonzero(~single)
        return np.where(single[codes], others[0] if len(others) else 0, codes)
    return np.where(single[codes], int(np.flatnonzero(single)[0]) if single.any() else 0, codes)


def clustering_of(selection: Selection, table: Table, request: Request) -> Clustering:
    """Return the independent units; "auto" is the outermost random level."""
    family, choice = selection.roles.family, request.cluster
    each = Clustering(np.arange(len(table.templates)), "template")
    if choice == "template" or (choice == "auto" and family is None):
        return each
    if choice in {"auto", "family", "strata"}:
        if family is None:
            raise InvalidArgument(
                f"cluster={choice!r} needs families: name their column (family=...), or use "
                "cluster='template'"
            )
        codes, _, n_without = families_of(selection, table, family)
        if choice == "strata":
            return replace(each, strata=codes, n_without=n_without)
        return Clustering(codes, "family", n_without=n_without)
    column = checked_column(selection.frame, choice, "cluster", CHOICES)
    codes, _, n_without = families_of(selection, table, column)
    return Clustering(codes, column, n_without=n_without)
