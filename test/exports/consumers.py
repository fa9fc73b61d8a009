"""What others do with exported files. Called as `consumers.py CHECK FOLDER`; prints one JSON object."""
import json
import os
import sys
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_DATASETS_DISABLE_PROGRESS_BARS="1",
                  HF_HOME=os.path.join(sys.argv[2], "hf"), DISABLE_VERSION_CHECK="1", TOKENIZERS_PARALLELISM="false", TOGETHER_NO_ANALYTICS="1")


def load(folder: Path, name: str):
    from datasets import load_dataset
    return load_dataset("json", data_files=str(folder / f"{name}.jsonl"), split="train")


def check_datasets(folder: Path):
    """Every format that is read with an inferred schema loads with all its rows and one schema."""
    found = {}
    for file in sorted(folder.glob("*.jsonl")):
        rows = load(folder, file.stem)
        found[file.stem] = {"rows": len(rows), "columns": rows.column_names}
    return found


def tiny(folder: Path):
    """A random model of two small layers, and a tokenizer of bytes with a chat template."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    torch.manual_seed(0)
    torch.set_num_threads(1)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    specials = ["<pad>", "<s>", "</s>"]
    tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(specials + letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>")
    fast.chat_template = "{% for m in messages %}<s>{{ m['role'] }}\n{{ m['content'] }}</s>{% endfor %}{% if add_generation_prompt %}<s>assistant\n{% endif %}"
    config = LlamaConfig(vocab_size=len(fast), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
                         max_position_embeddings=1024, pad_token_id=0, bos_token_id=1, eos_token_id=2)
    # Trainers look up where a model came from.
    home = str(folder / "tiny")
    LlamaForCausalLM(config).save_pretrained(home)
    fast.save_pretrained(home)
    return LlamaForCausalLM.from_pretrained(home), fast


def check_trl(folder: Path):
    """TRL knows the rows as conversations and trains one step on them."""
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer, is_conversational
    try:
        from trl import KTOConfig, KTOTrainer
    except ImportError:
        from trl.experimental.kto import KTOConfig, KTOTrainer
    found = {}
    for name, Config, Trainer, more in (("trl-sft", SFTConfig, SFTTrainer, {"max_length": 512}), ("trl-dpo", DPOConfig, DPOTrainer, {"max_length": 512}), ("trl-kto", KTOConfig, KTOTrainer, {"max_length": 512})):
        rows = load(folder, name)
        conversational = all(is_conversational(row) for row in rows)
        model, tokenizer = tiny(folder)
        args = Config(output_dir=str(folder / "out"), max_steps=1, per_device_train_batch_size=4, report_to=[], logging_steps=1, save_strategy="no", use_cpu=True, bf16=False, gradient_checkpointing=False, disable_tqdm=True, **more)
        trainer = Trainer(model=model, args=args, train_dataset=rows, processing_class=tokenizer)
        batch = next(iter(trainer.get_train_dataloader()))
        masks = {key: int(value.sum()) for key, value in batch.items() if key == "completion_mask"}
        labels = batch.get("labels", batch.get("completion_labels"))
        taught = int((labels != -100).sum()) if labels is not None else sum(masks.values())
        given = int((labels == -100).sum()) if labels is not None else -1
        result = trainer.train()
        found[name] = {"rows": len(rows), "conversational": conversational, "loss": result.training_loss, "taught": taught, "given": given}
    return found


def check_together(folder: Path):
    from together.lib.utils.files import check_file
    return {name: {key: value for key, value in check_file(folder / f"{name}.jsonl").items() if key in ("is_check_passed", "num_samples", "message")} for name in ("openai-sft", "openai-dpo")}


def check_llamafactory(folder: Path):
    """LLaMA-Factory's converter takes every row: what it does not like it would skip with a warning."""
    import importlib.machinery
    import types
    # It loads sounds, of which there are none here; its wheels fit one torch only.
    sounds = types.ModuleType("torchaudio")
    sounds.__spec__ = importlib.machinery.ModuleSpec("torchaudio", None)
    sys.modules["torchaudio"] = sounds
    warned = []
    from llamafactory.data import converter
    converter.logger.warning_rank0 = lambda message, *args: warned.append(str(message))
    from llamafactory.data.parser import DatasetAttr
    from llamafactory.hparams import DataArguments
    found = {}
    for name, attr in (("sharegpt", {"formatting": "sharegpt", "columns": {"messages": "conversations", "system": "system"}}),
                       ("alpaca", {"formatting": "alpaca", "columns": {"prompt": "instruction", "query": "input", "response": "output", "system": "system", "history": "history"}})):
        described = DatasetAttr("file", dataset_name=name)
        described.join(attr)
        rows = load(folder, name)
        made = [converter.get_dataset_converter(attr["formatting"], described, DataArguments())(row) for row in rows]
        found[name] = {"rows": len(rows), "converted": sum(1 for row in made if row["_prompt"] and row["_response"]), "warnings": warned[:3]}
    return found


print(json.dumps(globals()[f"check_{sys.argv[1]}"](Path(sys.argv[2]))))
