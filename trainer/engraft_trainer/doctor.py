"""What this machine can train with, and how fast."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any

import gguf
import peft
import psutil
import torch
import transformers

from . import __version__
from .base import GGUF_SUPPORTED_ARCHITECTURES, load_base, native_bf16, precision, read_header, rss_mb
from .gguf_lora import leaf_names
from .job import Hyper
from .losses import Objective
from .rows import Row

#: A batch like one of real feedback: 4 rows of 40 + 40 tokens.
ROWS, PROMPT, COMPLETION = 4, 40, 40


def doctor(base: Path | None, hf: Path | None, threads: int) -> dict[str, Any]:
    """Versions and means; with a base, whether it can be trained, and tokens a second."""
    found: dict[str, Any] = {
        "trainer": __version__, "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__,
        "gguf": _version(gguf), "cores": os.cpu_count(), "threads": threads, "bf16": native_bf16(), "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "free_mb": psutil.virtual_memory().available >> 20, "architectures": sorted(set(GGUF_SUPPORTED_ARCHITECTURES) - {"general", "tokenizer"}),
    }
    return found if base is None else {**found, **_measured(base, hf)}


def _version(module: Any) -> str:
    from importlib.metadata import version
    return version(module.__name__)


def _measured(base: Path, hf: Path | None) -> dict[str, Any]:
    began = time.monotonic()
    model = load_base(base, hf)
    load = time.monotonic() - began
    config = peft.LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules=leaf_names(model, read_header(base), None), task_type="CAUSAL_LM")
    model = peft.get_peft_model(model, config)
    amp = precision("auto")
    objective = Objective("sft", Hyper(), amp)
    row = Row("0", [(list(range(PROMPT)), list(range(COMPLETION)))])
    batch = {key: {k: v.to(model.device) for k, v in each.items()} if isinstance(each, dict) else each.to(model.device) for key, each in objective.collate([row] * ROWS, []).items()}

    def pace(train: bool) -> float:
        steps, since = 0, time.monotonic()
        while (passed := time.monotonic() - since) < 1 or steps < 2:
            with torch.set_grad_enabled(train):
                loss, _ = objective.loss(model, batch)
            if train:
                loss.backward()
                model.zero_grad()
            steps += 1
        return steps * ROWS * row.tokens / passed

    # The first step allocates and is not counted.
    pace(True)
    return {"arch": read_header(base).architecture, "amp": amp, "load_s": round(load, 2), "train_tok_s": round(pace(True)), "score_tok_s": round(pace(False)), "rss_mb": rss_mb()}
