"""Reads inspect_ai's logs into a frame that `compare` takes; inspect_ai itself is not needed.

Both formats are public: ``.json`` is one object, ``.eval`` a zip of a header and one JSON file
per sample, compressed by zstd, which Python's zipfile does not know before 3.14.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import pandas as pd
import pyarrow as pa

from polpo_lab.errors import InvalidArgument

JsonObject = dict[str, Any]

_ZSTD = 93
_LOCAL_HEADER = 30  # bytes before the name in a zip's local header
# How inspect_ai spells verdicts, as its own value_to_float() reads them.
_VERDICTS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
_WORDS = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}

SAMPLE_ERROR = "sample_error"
NOT_SCORED = "not_scored"


def read_inspect(folder: str | Path) -> pd.DataFrame:
    """Read a folder of inspect_ai logs as one table of trials.

    Parameters
    ----------
    folder : path
        A folder with ``.eval`` and ``.json`` logs, looked for at any depth; or one log.

    Returns
    -------
    DataFrame
        One row per sample and epoch: ``template`` (the sample's id, behind its task's name where
        there are several tasks), ``repeat``, ``agent`` (the model), ``task``, ``score`` (of the
        first scorer) and ``score_NAME`` of each, ``missing_reason``, ``error``,
        ``working_seconds``, ``wall_seconds``, ``tokens_in``, ``tokens_out``, ``epoch``, ``log``.

    Raises
    ------
    InvalidArgument
        There is no such folder, no log in it, or a file that is none.

    See Also
    --------
    polpo_lab.analysis.compare.compare : ``compare(read_inspect(folder), by="agent",
        metric="score")``.

    Notes
    -----
    Scores are read as inspect_ai's ``value_to_float`` does: C is 1, I and N are 0, P is 0.5. A
    sample that broke, or was not scored, has no score and says so. Of logs of one run of a task
    (an eval and its retries share their ``task_id``) the latest has each sample; separate runs
    of one task by one model are further repeats.

    Examples
    --------
    >>> df = read_inspect("tests/analysis/inspect_logs")
    >>> df.groupby("agent", observed=True)["score"].agg(["count", "mean"]).round(2).to_dict("index")
    {'mockllm/good': {'count': 8, 'mean': 0.88}, 'mockllm/weak': {'count': 7, 'mean': 0.43}}
    """
    logs = sorted(map(_read, _files(Path(folder))), key=lambda log: (log.created, log.name))
    rows = [row for log in _latest(logs) for row in log.rows()]
    if not rows:
        raise InvalidArgument(f"{folder}: the logs hold no samples")
    frame = pd.DataFrame(rows)
    if frame["task"].nunique() > 1:
        frame["template"] = frame["task"] + "/" + frame["template"]
    frame = frame.sort_values(["task", "agent", "template", "created", "epoch"], kind="stable")
    runs = frame.groupby(["agent", "template"], sort=False)
    frame["repeat"] = (runs.cumcount() + 1).astype("Int16")
    for name in ("agent", "task", "template", "missing_reason", "log"):
        frame[name] = frame[name].astype("category")
    first = [*_FIRST, *(name for name in frame.columns if name.startswith("score"))]
    rest = [name for name in frame.columns if name not in {*first, "created"}]
    return frame[[*first, *rest]].reset_index(drop=True)


_FIRST = ("template", "repeat", "agent", "task")


@dataclass(frozen=True)
class _Log:
    """One log: its header and its samples."""

    name: str
    header: JsonObject
    samples: list[JsonObject]

    @property
    def created(self) -> str:
        return str(self.header.get("created", ""))

    @property
    def run(self) -> str:
        """What an eval and its retries share."""
        return str(self.header.get("task_id") or self.header.get("run_id") or self.name)

    def rows(self) -> Iterator[JsonObject]:
        for sample in self.samples:
            scores = dict(_scores(sample))
            error = sample.get("error")
            missing = SAMPLE_ERROR if error else NOT_SCORED
            first = next(iter(scores.values()), None)
            yield {
                "template": str(sample.get("id")),
                "agent": str(self.header.get("model")),
                "task": str(self.header.get("task")),
                "epoch": sample.get("epoch", 1),
                "score": first,
                **{f"score_{name}": value for name, value in scores.items()},
                "missing_reason": None if first is not None else missing,
                "error": error.get("message") if isinstance(error, dict) else error,
                "working_seconds": sample.get("working_time"),
                "wall_seconds": sample.get("total_time"),
                "tokens_in": _tokens(sample, "input_tokens"),
                "tokens_out": _tokens(sample, "output_tokens"),
                "log": self.name,
                "created": self.created,
            }


def _latest(logs: Iterable[_Log]) -> list[_Log]:
    """Return the logs without the samples that a later log of the same run has again."""
    kept: list[_Log] = []
    seen: dict[str, set[Any]] = {}
    for log in reversed(list(logs)):
        known = seen.setdefault(log.run, set())
        own = [s for s in log.samples if (str(s.get("id")), s.get("epoch", 1)) not in known]
        known |= {(str(s.get("id")), s.get("epoch", 1)) for s in own}
        kept.append(_Log(log.name, log.header, own))
    return kept[::-1]


def _scores(sample: JsonObject) -> Iterator[tuple[str, float | None]]:
    for name, score in (sample.get("scores") or {}).items():
        value = score.get("value") if isinstance(score, dict) else score
        if isinstance(value, dict):  # a scorer of several values
            yield from ((f"{name}.{key}", _number(each)) for key, each in value.items())
        else:
            yield str(name), _number(value)


def _number(value: Any) -> float | None:
    if isinstance(value, bool | int | float):
        return float(value)
    if not isinstance(value, str):
        return None
    if value in _VERDICTS:
        return _VERDICTS[value]
    if value.lower() in _WORDS:
        return _WORDS[value.lower()]
    try:
        return float(value)
    except ValueError:
        return None


def _tokens(sample: JsonObject, name: str) -> float | None:
    usage = sample.get("model_usage") or {}
    told = [each for each in usage.values() if isinstance(each, dict)]
    return float(sum(each.get(name) or 0 for each in told)) if told else None


def _files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise InvalidArgument(f"{place} is no folder; read_inspect takes inspect_ai's log folder")
    found = sorted(p for p in place.rglob("*") if p.suffix in {".eval", ".json"} and p.is_file())
    logs = [path for path in found if path.suffix == ".eval" or _looks_like_a_log(path)]
    if not logs:
        raise InvalidArgument(f"{place} holds no inspect_ai log (.eval, or .json with an 'eval')")
    return logs


def _looks_like_a_log(path: Path) -> bool:
    """Whether a JSON file begins as a log does; a folder may hold others, such as a listing."""
    with path.open("rb") as file:
        return b'"eval"' in file.read(4096)


def _read(path: Path) -> _Log:
    try:
        if path.suffix == ".eval":
            return _read_zip(path)
        log = orjson.loads(path.read_bytes())
        return _log(path.name, log["eval"], log.get("samples") or [])
    except (
        OSError,
        ValueError,
        AttributeError,
        KeyError,
        TypeError,
        zipfile.BadZipFile,
        pa.ArrowException,
    ) as error:
        raise InvalidArgument(f"{path} is no inspect_ai log: {error!r}") from error


def _read_zip(path: Path) -> _Log:
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        entries = {entry.filename: entry for entry in archive.infolist()}
        # A run that was cut off has no header yet, but says what it is at its start.
        header = "header.json" if "header.json" in entries else "_journal/start.json"
        about = orjson.loads(_content(archive, entries[header], file))
        samples = [
            orjson.loads(_content(archive, entry, file))
            for name, entry in entries.items()
            if name.startswith("samples/") and name.endswith(".json")
        ]
    return _log(path.name, about["eval"], samples)


def _log(name: str, header: Any, samples: Any) -> _Log:
    """Return a log whose parts are what they are called."""
    if not isinstance(header, dict) or not isinstance(samples, list):
        raise TypeError("'eval' is no object, or 'samples' no list")
    for at, sample in enumerate(samples):
        if not isinstance(sample, dict):
            raise TypeError(f"samples[{at}] is no object")
        for part in ("scores", "model_usage"):
            if not isinstance(sample.get(part) or {}, dict):
                raise TypeError(f"samples[{at}].{part} is no object")
    return _Log(name, header, samples)


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, file: BinaryIO) -> bytes:
    if entry.compress_type != _ZSTD:
        return archive.read(entry)
    file.seek(entry.header_offset)
    header = file.read(_LOCAL_HEADER)
    name, extra = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
    file.seek(name + extra, io.SEEK_CUR)
    packed = pa.BufferReader(file.read(entry.compress_size))
    with pa.CompressedInputStream(packed, "zstd") as stream:
        return bytes(stream.read())
