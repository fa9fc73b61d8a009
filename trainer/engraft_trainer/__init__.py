"""Trains LoRA adapters on the GGUF file that Engraft serves, from rows of token ids."""

__version__ = "0.1.0"
