"""Finds out, not assumes, whether a base wants the rows of q and k permuted.

Writes one random adapter on q and k both ways, rows, and what PyTorch thinks of
them. The engine scores both files; the one that agrees has the base's order
(the other is about a hundred times worse on an unquantised base).
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import peft
import torch

from .base import load_base, read_header
from .events import Stopped
from .folders import sha256_of, write_atomically
from .gguf_lora import Lineage, convert, leaf_names, save_peft
from .rows import Row
from .score import write_scores

ROWS = 4
PROMPT = 16
#: Short enough for a second, long enough that positions, which the order of rows is about, matter.
COMPLETION = 16
#: Size of the random change against the weight it changes: enough to show, little enough to leave a language model.
STRENGTH = 0.3


def probe(base: Path, out: Path, hf: Path | None = None) -> list[str]:
    """Writes `plain.gguf`, `permuted.gguf`, `rows.jsonl` and `scores.jsonl` into a folder. Returns the names of the adapters."""
    model = load_base(base, hf)
    header = read_header(base)
    targets = [name for name in leaf_names(model, header, None) if name in ("q_proj", "k_proj")]
    if not targets:
        raise Stopped("bad_base", "this base has no q_proj and k_proj of its own: it is converted plain")
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    config = peft.LoraConfig(r=8, lora_alpha=8, target_modules=targets, lora_dropout=0.0, init_lora_weights=False, task_type="CAUSAL_LM")
    model = peft.get_peft_model(model, config).eval()
    _strengthen(model)
    save_peft(model, out / "peft")
    rows = _rows(model)
    write_atomically(out / "rows.jsonl", "".join(json.dumps({"id": row.id, "prompt": row.pairs[0][0], "completion": row.pairs[0][1]}) + "\n" for row in rows).encode())
    write_scores(out / "scores.jsonl", model, rows)
    lineage = Lineage(sha256_of(base))
    for way in ("plain", "permuted"):
        convert(out / "peft", base, out / f"{way}.gguf", permuted=way == "permuted", lineage=lineage, f32=True)
    return ["plain.gguf", "permuted.gguf"]


@torch.no_grad()
def _strengthen(model: Any) -> None:
    """Gives each random B·A the same size relative to its weight."""
    for module in model.modules():
        if isinstance(module, peft.tuners.lora.Linear):
            a, b = module.lora_A["default"].weight, module.lora_B["default"].weight
            b.mul_(STRENGTH * module.base_layer.weight.norm() / (b @ a).norm())


@torch.no_grad()
def _rows(model: Any) -> list[Row]:
    """Random prompts, each with the answer this very model finds most likely: its probabilities are large enough to compare."""
    vocab = model.config.get_text_config().vocab_size
    rows = []
    for i in range(ROWS):
        prompt = random.Random(i).choices(range(vocab), k=PROMPT)
        ids = list(prompt)
        for _ in range(COMPLETION):
            logits = model(input_ids=torch.tensor([ids], device=model.device), logits_to_keep=1).logits
            ids.append(int(logits[0, -1].argmax()))
        rows.append(Row(str(i), [(prompt, ids[PROMPT:])]))
    return rows
