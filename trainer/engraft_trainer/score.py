"""What PyTorch thinks of rows: the other side of the parity and forgetting checks. Always fp32."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import peft
import torch
import torch.nn.functional as F

from .base import load_base
from .folders import refuse_unsafe, write_atomically
from .losses import completion_logits, padded
from .rows import Check, Row, read_rows


def score(base: Path, rows_file: Path, out: Path, peft_folder: Path | None = None, hf: Path | None = None) -> int:
    """Writes one line a row: `{id, nll, logp}`, log-probabilities of the completion's tokens in nat, `nll` their negative mean.

    With an adapter, also what it did to the base on that row: `kl`, KL(base ||
    adapted) in nat a token, and `agree`, the share of tokens at which both
    think the same most likely. Returns the number of rows.
    """
    model = load_base(base, hf)
    if peft_folder is not None:
        refuse_unsafe(peft_folder)
        model = peft.PeftModel.from_pretrained(model, peft_folder)
    config = model.config.get_text_config()
    rows = read_rows(rows_file, "sft", Check(config.vocab_size, config.max_position_embeddings, frozenset()))
    write_scores(out, model, rows)
    return len(rows)


def write_scores(out: Path, model: Any, rows: list[Row]) -> None:
    model.eval()
    write_atomically(out, "".join(json.dumps(_scored(model, row)) + "\n" for row in rows).encode())


@torch.no_grad()
def _scored(model: Any, row: Row) -> dict[str, Any]:
    batch = {key: value.to(model.device) for key, value in padded(row.pairs).items()}
    logits, tokens, _ = completion_logits(model, batch, "fp32")
    logps = -F.cross_entropy(logits, tokens, reduction="none")
    result: dict[str, Any] = {"id": row.id, "nll": -logps.mean().item(), "logp": logps.tolist()}
    if isinstance(model, peft.PeftModel):
        with model.disable_adapter():
            before = completion_logits(model, batch, "fp32")[0]
        kl = F.kl_div(F.log_softmax(logits, -1), F.log_softmax(before, -1), reduction="batchmean", log_target=True)
        result |= {"kl": kl.item(), "agree": (logits.argmax(-1) == before.argmax(-1)).float().mean().item()}
    return result
