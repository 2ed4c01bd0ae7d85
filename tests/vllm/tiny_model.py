"""Writes a model that vLLM can load without weights: `python tiny_model.py DIRECTORY`.

A Llama of two thin layers, to be served with random weights (`--load-format dummy`). What it says means nothing; the API around
it, the streaming and the counting of tokens are vLLM's own. Its vocabulary has one token a byte and one for each role, so a
test can say how many tokens a text has.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers

_BEGIN, _END = "<s>", "</s>"
_ROLES = ("system", "developer", "user", "assistant", "tool")
_CONTEXT_TOKENS = 32_768

# One turn is its role's token, its text, and the end token; the answer begins after the assistant's token.
_TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content or '' }}" + _END + "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def _tokenizer() -> Tokenizer:
    bytes_ = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {text: number for number, text in enumerate([_BEGIN, _END, *(f"<|{role}|>" for role in _ROLES), *bytes_])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([_BEGIN, _END, *(f"<|{role}|>" for role in _ROLES)])
    return tokenizer


def _config(vocabulary_size: int) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": vocabulary_size,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-5,
        "rope_theta": 10_000.0,
        "max_position_embeddings": _CONTEXT_TOKENS,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "bos_token_id": 0,
        "eos_token_id": 1,
    }


def main(directory: Path) -> None:
    """Writes the files into `directory`; config.json last, so that its presence says that all is there."""
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    tokenizer.save(str(directory / "tokenizer.json"))
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": _BEGIN,
        "eos_token": _END,
        "clean_up_tokenization_spaces": False,
        "chat_template": _TEMPLATE,
    }
    documents = {
        "tokenizer_config.json": tokenizer_config,
        "generation_config.json": {"bos_token_id": 0, "eos_token_id": 1},
        "config.json": _config(tokenizer.get_vocab_size()),
    }
    for name, document in documents.items():
        (directory / name).write_text(json.dumps(document, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
