"""Give a trained base a larger vocabulary: words that it had to spell become tokens.

    python -m training.widen training/configs/embedded_wide.toml --base DIR --data DIR --out DIR

A new tokenizer is trained on titles, calls and training rows. A token that the old one had keeps its embedding; a new
one starts as the mean of the pieces that stood for it. The layers are as they were and do not know the new tokens yet:
training.distil comes next. Embeddings are looked up, not multiplied: reading gets faster, since texts get shorter.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import torch
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from training.build_dataset import build, read_config
from training.pool import call_sentences, pick
from training.pretrain import load_titles, train_tokenizer
from training.quantise import full_precision
from training.toml_config import read_toml


class WidenConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the tokenizer is trained on; `labelled` is the SFT config whose training rows are read."""

    labelled: str
    vocab_size: int
    years: list[int]
    titles: int
    repeats: dict[str, int]
    seed: int = 0


def corpus(config: WidenConfig, rows: pd.DataFrame, data: Path) -> Iterator[str]:
    """The texts, those of small sets several times. `rows` are training rows; `data` holds headlines/ and calls/."""
    yield from pick(load_titles(data / "headlines", config.years), config.titles, np.random.default_rng(config.seed))
    yield from call_sentences(data / "calls")
    for name, part in rows.groupby(rows["source"].where(rows["task"] == "sentiment", "risk")):
        yield from part["text"].drop_duplicates().tolist() * config.repeats.get(str(name), 1)


def carried_over(old: PreTrainedTokenizerFast, new: PreTrainedTokenizerFast, embedding: torch.Tensor) -> torch.Tensor:
    """(new tokens, width): rows of `embedding` for tokens that both have, the mean of its pieces for any other."""
    known, pieces = old.get_vocab(), old.backend_tokenizer.model
    rows = torch.empty(len(new), embedding.shape[1])
    for token, at in new.get_vocab().items():
        ids = [known[token]] if token in known else [piece.id for piece in pieces.tokenize(token)]
        rows[at] = embedding[ids].mean(dim=0)
    return rows


def widened(model: PreTrainedModel, old: PreTrainedTokenizerFast, new: PreTrainedTokenizerFast) -> PreTrainedModel:
    """`model` with the tokens of `new` in place of those of `old`."""
    rows = carried_over(old, new, model.get_input_embeddings().weight.detach())
    model.resize_token_embeddings(len(new), mean_resizing=False)
    model.get_input_embeddings().weight.data.copy_(rows)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    config = read_toml(arguments.config, WidenConfig)
    rows, _ = build(read_config(Path(config.labelled)).data, arguments.data)
    texts = list(corpus(config, rows[rows["split"] == "train"], arguments.data))
    tokenizer = train_tokenizer(texts, config.vocab_size)
    old = AutoTokenizer.from_pretrained(arguments.base)
    widened(full_precision(arguments.base), old, tokenizer).save_pretrained(arguments.out)
    tokenizer.save_pretrained(arguments.out)


if __name__ == "__main__":
    main()
