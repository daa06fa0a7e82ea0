"""Makes the inspect_ai logs beside this file; needs the extra `bench`, no network, no key.

``python tests/analysis/inspect_logs/make_logs.py`` was run with inspect_ai 0.3.285. Two mock
models answer four questions twice: `good` in one .eval log (zstd inside), `weak` in one .json
log, where one sample breaks and has an error instead of scores.
"""

from __future__ import annotations

import collections
from pathlib import Path

from inspect_ai import Task
from inspect_ai import eval as run
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import includes, match
from inspect_ai.solver import generate

CAPITALS = {"France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Austria": "Vienna"}
# What each model says to each question, in the first and in the second epoch.
ANSWERS = {
    "good": {
        "France": ("Paris", "Paris"),
        "Italy": ("Rome", "Rome"),
        "Spain": ("Madrid", "Madrid"),
        "Austria": ("Vienna", "It is Vienna, of course"),
    },
    "weak": {
        "France": ("Paris", "Lyon"),
        "Italy": ("Rome", "Rome"),
        "Spain": ("Lisbon", "Lisbon"),
        "Austria": ("Berlin", None),
    },
}


def capitals() -> Task:
    samples = [
        Sample(id=country, input=f"What is the capital of {country}?", target=capital)
        for country, capital in CAPITALS.items()
    ]
    return Task(dataset=samples, solver=generate(), scorer=[match(), includes()], name="capitals")


def answering(name: str):
    asked = collections.Counter()

    def answer(messages, *_):
        country = messages[-1].text.removeprefix("What is the capital of ").removesuffix("?")
        said = ANSWERS[name][country][asked[country]]
        asked[country] += 1
        if said is None:
            raise RuntimeError("the model's connection broke")
        output = ModelOutput.from_content(f"mockllm/{name}", said)
        output.usage = ModelUsage(input_tokens=10, output_tokens=2, total_tokens=12)
        return output

    return get_model(f"mockllm/{name}", custom_outputs=answer)


def main() -> None:
    for name, log_format in (("good", "eval"), ("weak", "json")):
        run(
            capitals(),
            model=answering(name),
            log_dir=str(Path(__file__).parent),
            log_format=log_format,
            epochs=2,
            display="none",
            max_samples=1,
            fail_on_error=False,
        )


if __name__ == "__main__":
    main()
