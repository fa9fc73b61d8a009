"""job.json: what to train, on what, how, and within which limits. Unknown keys are errors."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from .events import Stopped

METHODS = ("sft", "kto", "dpo")
#: Defaults that differ by method: the learning rates and batches that were measured to work for 50-300 rows.
#: SFT alone holds the base by default: a plain SFT run moved one of three next tokens of unrelated answers.
BY_METHOD = {
    "sft": {"lr": 5e-4, "batch": 4, "kl": 0.5},
    "kto": {"lr": 6e-4, "batch": 8, "kl": 0.0},
    "dpo": {"lr": 1e-4, "batch": 4, "kl": 0.0},
}


def bounded(default: Any, low: float, high: float) -> Any:
    return field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True)
class Hyper:
    """A `None` is chosen by method or by the number of rows: see `settled`."""

    rank: int = bounded(16, 1, 256)
    alpha: float = bounded(32.0, 0.001, 1024)
    targets: list[str] | None = None  # leaf names of linear modules; all that the GGUF has, if absent
    lr: float | None = bounded(None, 1e-8, 1)
    epochs: int | None = bounded(None, 1, 100)
    batch: int | None = bounded(None, 1, 256)
    seed: int = bounded(0, 0, 2**31 - 1)
    max_len: int = bounded(1024, 2, 1 << 20)  # prompt and completion together, in tokens
    amp: str = "auto"  # auto, bf16, fp32
    kl: float | None = bounded(None, 0, 100)  # weight of KL(base || adapter), nat a token, on replayed answers
    replay_batch: int = bounded(1, 1, 64)
    patience: int = bounded(1, 1, 100)  # epochs without a better validation loss
    beta: float = bounded(0.1, 0.0001, 10)  # KTO and DPO
    sft_weight: float = bounded(1.0, 0, 100)  # DPO: keeps the chosen answer likely


@dataclass(frozen=True)
class Limits:
    threads: int = bounded(1, 1, 1024)
    nice: int = bounded(10, 0, 19)
    rss_mb: int | None = bounded(None, 1, 1 << 24)
    seconds: float | None = bounded(None, 0, 1e9)


@dataclass(frozen=True)
class DataFile:
    file: str
    sha256: str


@dataclass(frozen=True)
class Data:
    train: DataFile
    valid: DataFile | None = None
    replay: DataFile | None = None


@dataclass(frozen=True)
class Job:
    run_id: str
    method: str
    base: str  # the GGUF file that is served; relative to the job's folder, or absolute
    base_sha256: str
    eot: list[int]  # tokens that end a turn: each completion ends in one
    data: Data
    hyper: Hyper
    limits: Limits
    base_hf: str | None = None  # a Hugging Face folder of the same model, for architectures that cannot be loaded from GGUF
    adapter: str | None = None  # DPO: the PEFT folder of the SFT adapter it goes on from
    qk: str | None = None  # "permuted" or "plain", as probed; without it no GGUF is written


def read_job(path: Path) -> Job:
    """Reads and checks a job. Throws `bad_input`, naming the key."""
    try:
        raw = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as cause:
        raise Stopped("bad_input", f"{path.name} cannot be read: {cause}") from cause
    if isinstance(raw, dict):
        raw = {"hyper": {}, "limits": {}, **raw}
    job = _read(Job, raw, "")
    _among(job.method, METHODS, "method")
    _among(job.hyper.amp, ("auto", "bf16", "fp32"), "hyper.amp")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,128}", job.run_id):
        raise Stopped("bad_input", "run_id takes 1 to 128 letters, digits and . _ -")
    if job.qk is not None:
        _among(job.qk, ("permuted", "plain"), "qk")
    if not job.eot:
        raise Stopped("bad_input", "eot names no token")
    for key, value in [("base_sha256", job.base_sha256)] + [(f"data.{name}.sha256", file.sha256) for name, file in files_of(job)]:
        if not re.fullmatch(r"[0-9a-f]{64}", value):
            raise Stopped("bad_input", f"{key} is not a sha256 in lower-case hex")
    for name, file in files_of(job):
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*\.jsonl", file.file):
            raise Stopped("bad_input", f"data.{name}.file is not the name of a .jsonl file beside the job")
    if (job.method == "dpo") != (job.adapter is not None):
        raise Stopped("bad_input", "dpo goes on from an SFT adapter and needs `adapter`; sft and kto begin at the base and take none")
    if job.method == "dpo" and {"rank", "alpha", "targets"} & raw["hyper"].keys():
        raise Stopped("bad_input", "dpo keeps the rank, alpha and targets of its adapter")
    return Job(**{**_shallow(job), "hyper": settled(job.method, job.hyper)})


def settled(method: str, hyper: Hyper) -> Hyper:
    """The hyperparameters with what depends on the method filled in; `epochs` waits for the rows."""
    chosen = {key: value for key, value in BY_METHOD[method].items() if getattr(hyper, key) is None}
    return Hyper(**{**asdict(hyper), **chosen})


def epochs_for(method: str, rows: int) -> int:
    """Few rows are seen more often. Measured with 82-94 rows only; early stopping cuts what is too much."""
    if method == "sft":
        return min(4, max(2, -(-160 // rows)))
    return 2 if method == "kto" else 1


def files_of(job: Job) -> list[tuple[str, DataFile]]:
    return [(name, file) for name in ("train", "valid", "replay") if (file := getattr(job.data, name)) is not None]


def _read(shape: type, raw: Any, at: str) -> Any:
    """One object of the file as a dataclass, each key checked for presence, type and bounds."""
    if not isinstance(raw, dict):
        raise Stopped("bad_input", f"{at or 'the job'} is not an object")
    prefix = f"{at}." if at else ""
    hints = get_type_hints(shape)
    unknown = sorted(raw.keys() - hints.keys())
    if unknown:
        raise Stopped("bad_input", f"unknown key {prefix}{unknown[0]}")
    values = {}
    for each in fields(shape):
        if each.name not in raw:
            if each.default is MISSING:
                raise Stopped("bad_input", f"{prefix}{each.name} is missing")
            continue
        values[each.name] = _value(hints[each.name], raw[each.name], each.metadata, prefix + each.name)
    return shape(**values)


def _value(hint: Any, value: Any, bounds: Any, at: str) -> Any:
    options = getattr(hint, "__args__", None) if not hasattr(hint, "__origin__") else None
    if options is not None:
        if value is None:
            return None
        hint = options[0]
    if hasattr(hint, "__dataclass_fields__"):
        return _read(hint, value, at)
    if hint in (int, float):
        fits = isinstance(value, int if hint is int else (int, float)) and not isinstance(value, bool)
        if not fits or not bounds["low"] <= value <= bounds["high"]:
            raise Stopped("bad_input", f"{at} is not {'a whole' if hint is int else 'a'} number from {bounds['low']} to {bounds['high']}")
        return hint(value)
    if hint is str:
        if not isinstance(value, str) or value == "":
            raise Stopped("bad_input", f"{at} is not a text")
        return value
    (item,) = hint.__args__
    if not isinstance(value, list) or not all(type(each) is item for each in value):
        raise Stopped("bad_input", f"{at} is not a list of {'texts' if item is str else 'whole numbers'}")
    return value


def _among(value: str, allowed: tuple[str, ...], at: str) -> None:
    if value not in allowed:
        raise Stopped("bad_input", f"{at} is not one of {', '.join(allowed)}")


def _shallow(job: Job) -> dict[str, Any]:
    return {each.name: getattr(job, each.name) for each in fields(job)}
