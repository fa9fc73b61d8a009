"""The base model: the weights of the very GGUF file that is served, in PyTorch."""

from __future__ import annotations

import contextlib
import functools
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# cuBLAS is deterministic only with a workspace of fixed size, set before it starts.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
# A trainer never fetches anything.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TQDM_DISABLE", "1")

import gguf
import psutil
import torch
import transformers
from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES
from transformers.utils import logging as transformers_logging

from .events import Stopped
from .folders import sha256_of


@dataclass(frozen=True)
class Header:
    """What an adapter has to fit: from the GGUF file itself."""

    architecture: str
    blocks: int
    heads: int  # 0 where each layer has another number
    kv_heads: int
    shapes: dict[str, tuple[int, ...]]  # of each tensor, rows (outputs) first


def settle_machine(threads: int, nice: int) -> None:
    """This process's share of the machine, and the same bits from the same seed."""
    if hasattr(os, "setpriority"):
        # Never raised: whoever started the process may have lowered it further.
        os.setpriority(os.PRIO_PROCESS, 0, max(nice, os.getpriority(os.PRIO_PROCESS, 0)))
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    # What a library will change one day is no news for whoever runs this version of it.
    warnings.simplefilter("ignore", FutureWarning)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


@functools.cache
def read_header(path: Path) -> Header:
    try:
        reader = gguf.GGUFReader(path)
        architecture = str(reader.fields["general.architecture"].contents())

        def number(key: str) -> int:
            value = reader.fields[f"{architecture}.{key}"].contents()
            each = set(value) if isinstance(value, list) else {value}
            return int(each.pop()) if len(each) == 1 else 0

        shapes = {tensor.name: tuple(int(each) for each in reversed(tensor.shape)) for tensor in reader.tensors}
        heads = number("attention.head_count")
        kv_heads = number("attention.head_count_kv") if f"{architecture}.attention.head_count_kv" in reader.fields else heads
        return Header(architecture, number("block_count"), heads, kv_heads, shapes)
    except (OSError, ValueError, KeyError, IndexError) as cause:
        raise Stopped("bad_base", f"{path.name} is not a GGUF model that can be read: {cause!r}") from cause


def check_digest(path: Path, expected: str) -> None:
    if not path.is_file():
        raise Stopped("bad_base", f"there is no base at {path}")
    if sha256_of(path) != expected:
        raise Stopped("bad_base", f"{path.name} is not the base of this job: its sha256 is another")


def load_base(path: Path, hf: Path | None = None) -> Any:
    """The model in fp32, dequantised from the GGUF, or from a Hugging Face folder of the same model."""
    architecture = read_header(path).architecture
    if hf is None and architecture not in GGUF_SUPPORTED_ARCHITECTURES:
        raise Stopped("bad_base", f"PyTorch cannot load a GGUF of architecture {architecture}: give the Hugging Face folder of the model (base_hf)")
    where = {"pretrained_model_name_or_path": hf} if hf is not None else {"pretrained_model_name_or_path": path.parent, "gguf_file": path.name}
    try:
        model, info = transformers.AutoModelForCausalLM.from_pretrained(
            **where, dtype=torch.float32, local_files_only=True, use_safetensors=True, trust_remote_code=False, output_loading_info=True
        )
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as cause:
        raise Stopped("bad_base", f"PyTorch cannot load {path.name}: {cause}") from cause
    # A weight that was not in the file would be random, with no more than a warning.
    missing = [name for name in info["missing_keys"] if not (name == "lm_head.weight" and model.config.tie_word_embeddings)]
    if missing or info["mismatched_keys"]:
        raise Stopped("bad_base", f"{path.name} does not fill the model: {(missing or list(info['mismatched_keys']))[0]} is not in it")
    # The weights are plain fp32 now; transformers still counts them as quantised and would refuse to train.
    if getattr(model, "is_quantized", False):
        model.is_quantized = False
        del model.hf_quantizer, model.config.quantization_config
    model.requires_grad_(False)
    model.config.use_cache = False
    return model.to("cuda" if torch.cuda.is_available() else "cpu")


def native_bf16() -> bool:
    """True where bf16 is faster than fp32: without the instructions it is emulated, and slower."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    with contextlib.suppress(OSError):
        flags = Path("/proc/cpuinfo").read_text()
        return "avx512_bf16" in flags or "amx_bf16" in flags or " bf16" in flags
    return False


def precision(amp: str) -> str:
    return ("bf16" if native_bf16() else "fp32") if amp == "auto" else amp


def autocast(model: Any, amp: str) -> Any:
    return torch.autocast(model.device.type, torch.bfloat16, enabled=amp == "bf16")


def rss_mb() -> int:
    """Memory of this process, MiB."""
    return psutil.Process().memory_info().rss >> 20
