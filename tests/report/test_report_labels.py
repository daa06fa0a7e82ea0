"""Where people labelled rounds, a report tells how each criterion agrees with them."""

from __future__ import annotations

import shutil

from polpo_lab import Results
from polpo_lab.experiments.journal.labels import keep_labels
from polpo_lab.report.report import Report


def test_labels_in_the_folder_are_compared_with_every_criterion(small, tmp_path):
    folder = tmp_path / "small"
    shutil.copytree(small, folder)
    checks = Results(folder).frame("checks")
    truth = checks[checks["name"] == "1,000 lists"]
    truth = truth.loc[truth.groupby("task_id")["assessment"].idxmax()]
    keep_labels(folder, (_label(row) for row in truth.itertuples()))
    report = Report(str(folder))
    page = report.section("criteria")._repr_html_()
    told = report.numbers().numbers
    found = Results(folder).criteria().agreement()
    kappa = found[(found["criterion"] == "agreement") & (found["figure"] == "kappa")].iloc[0]
    key = f"labels/own/agreement/{kappa['against']}/kappa"
    assert told[key].value == kappa["estimate"]
    assert f'<data data-number="{key}">{told[key].shown}</data>' in page
    assert "Agreement with labels, " in page
    assert "discrimination, by labels" in page


def _label(row):
    return {
        "by": "ada", "trial": str(row.trial), "task_id": str(row.task_id),
        "attempt": int(row.attempt), "round": int(row.round), "scale": "pass/fail",
        "label": int(row.passed), "inclusion_prob": 1.0, "comment": "", "blind": True,
        "adjudicates": False,
    }  # fmt: skip
