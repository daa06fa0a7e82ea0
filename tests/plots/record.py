"""Makes `recorded/`: a small experiment of the demonstration's agents, really run, as frames.

``python -m tests.plots.record`` runs it anew (216 trials, some minutes). Pictures of the gallery
and tests of figures that need results as they really come read it; no server then takes part.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import polpo_lab as polpo
from polpo_lab.demo import join
from polpo_lab.demo.solved import spread

RECORDED = Path(__file__).parent / "recorded"
AGENTS = ["enumerator", "stochastic", "guided"]
POLICIES = {
    "once": polpo.Policy(),
    "three tries": polpo.Policy(max_retries=2, fixes=1),
}
# What the agents wrote is long, and no figure shows it.
LEFT_OUT = ["content", "title", "error", "evidence", "feedback", "message", "reason"]


def main() -> None:
    """Run the experiment, and keep its frames and one of its tasks."""
    RECORDED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, polpo.connect(data=":temporary:") as lab:
        assert lab.server is not None
        join(lab.server.agents, lab.server.judges)
        suite = polpo.Suite("a dozen", spread(polpo.Suite.load("list-functions"), 12))
        experiment = polpo.Experiment(
            "gallery", suite, AGENTS, POLICIES, repeats=3, seed=1, folder=Path(folder) / "journal"
        )
        experiment.run(lab)
        for kind in ("tasks", "attempts", "checks", "scores"):
            frame = experiment.frame(kind)
            small = frame.drop(columns=[name for name in LEFT_OUT if name in frame])
            small.to_parquet(RECORDED / f"{kind}.parquet", compression="zstd", index=False)
        tasks = experiment.frame("tasks")
        longest = tasks.sort_values(["attempts", "fixes"])["trial"].iloc[-1]
        told = experiment.task(longest).model_dump(mode="json", by_alias=True)
    told |= dict.fromkeys(("assessment", "assessmentHistory", "expectations", "result"))
    told["description"] = ""
    for each in told["attempts"]:
        each["files"], each["result"], each["feedback"] = [], None, None
        each["assessment"]["checks"] = []
    (RECORDED / "task.json").write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main()
