"""python -m engraft_trainer doctor|train|score|convert|probe. Events on stdout, one JSON object a line; all else on stderr."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
import traceback
from pathlib import Path

from .events import Events, Stopped


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="engraft_trainer", description="Trains LoRA adapters on the GGUF model that Engraft serves.")
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, help: str, base: bool = True) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=help)
        one.add_argument("--base", type=Path, required=base, help="the GGUF file of the model")
        if name != "train":
            one.add_argument("--base-hf", type=Path, help="a Hugging Face folder of the same model, where its GGUF cannot be loaded")
            one.add_argument("--threads", type=int, default=1)
        return one

    command("doctor", "versions, means and, with a base, tokens a second", base=False)
    train = command("train", "runs a job", base=False)
    train.add_argument("--job", type=Path, required=True)
    train.add_argument("--out", type=Path, required=True)
    train.add_argument("--resume", action="store_true", help="goes on from the last checkpoint in --out, if there is one")
    score = command("score", "log-probabilities of rows in fp32")
    score.add_argument("--peft", type=Path)
    score.add_argument("--rows", type=Path, required=True)
    score.add_argument("--out", type=Path, required=True)
    convert = command("convert", "a PEFT adapter as GGUF")
    convert.add_argument("--peft", type=Path, required=True)
    convert.add_argument("--out", type=Path, required=True)
    convert.add_argument("--qk", choices=("permuted", "plain"), required=True, help="the order of q and k in the base, as probed")
    convert.add_argument("--f32", action="store_true")
    probe = command("probe", "one random q/k adapter both ways, with scores")
    probe.add_argument("--out", type=Path, required=True)
    return parser


def run(options: argparse.Namespace, events: Events, asked: list[int]) -> None:
    # Imported late: PyTorch takes seconds, and a wrong option should not wait for it.
    from .base import settle_machine

    if options.command == "train":
        from .train import train
        train(options.job, options.out, resume=options.resume, events=events, asked=lambda: bool(asked), base=options.base)
        return
    settle_machine(options.threads, nice=0)
    if options.command == "doctor":
        from .doctor import doctor
        events.emit("doctor", **doctor(options.base, options.base_hf, options.threads))
    elif options.command == "score":
        from .score import score
        events.emit("scored", rows=score(options.base, options.rows, options.out, options.peft, options.base_hf))
    elif options.command == "convert":
        from dataclasses import asdict

        from .folders import sha256_of
        from .gguf_lora import Lineage, convert
        converted = convert(options.peft, options.base, options.out, permuted=options.qk == "permuted", lineage=Lineage(sha256_of(options.base)), f32=options.f32)
        events.emit("converted", **asdict(converted))
    else:
        from .probe import probe
        events.emit("probed", adapters=probe(options.base, options.out, options.base_hf))


def reason_of(cause: Exception) -> str | None:
    """What the machine lacked, of an error that one of the libraries raised. PyTorch and safetensors have only texts for it: the archive writer of torch.save names its source file."""
    text = str(cause)
    if isinstance(cause, MemoryError) or any(words in text for words in ("out of memory", "allocate memory")):
        return "memory"
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
    if getattr(cause, "errno", None) in full or any(f"os error {number})" in text for number in full) or "inline_container.cc" in text:
        return "disk"
    return None


def main() -> int:
    options = arguments().parse_args()
    events = Events.on_stdout()
    asked: list[int] = []
    # Only a training has something to write first.
    for each in (signal.SIGTERM, signal.SIGINT) if options.command == "train" else ():
        signal.signal(each, lambda number, _frame: asked.append(number))
    try:
        run(options, events, asked)
        return 0
    except Stopped as stopped:
        ending = stopped
    except Exception as cause:
        reason = reason_of(cause)
        if reason is None:
            raise
        ending = Stopped(reason, str(cause).splitlines()[0] if str(cause) else type(cause).__name__)
    events.emit("stopped", **ending.fields())
    return ending.exit_code


if __name__ == "__main__":
    code = 1
    try:
        code = main()
    except Exception:
        traceback.print_exc()
    sys.stderr.flush()
    # Worker threads of the libraries must not hold up or change the exit code.
    os._exit(code)
