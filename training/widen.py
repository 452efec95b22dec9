"""Give a trained base a larger vocabulary: common words that it had to spell become tokens.

    python -m training.widen training/configs/embedded_wide.toml --base DIR --data DIR --out DIR

What was a token stays one, with its id and embedding; further merges are learnt over the old tokens. Names get none:
there are too many, and one in a question is found in the text by its spelling. A new token starts where an encoder's
word embeddings put it, mapped onto the base's by a regression over the tokens that are known. Then the whole base
is pretrained a little further, on the same kinds of text, so that its layers meet the new tokens; it resumes from
--out. The result is --out/base. Embeddings are looked up, not multiplied: reading gets faster, since texts get shorter.
"""

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import RidgeCV
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from sentfeat.score.prompt import clean
from training import parallel
from training.build_dataset import build, read_config
from training.encoders import encoder_path
from training.pool import call_sentences, pick
from training.pretrain import Schedule, encode_titles, load_titles, train, with_marks
from training.quantise import full_precision
from training.toml_config import read_toml

FIRST_SIGN = 0xF0000  # of a private Unicode plane: an old token is one such sign to the trainer of further merges
WORD = re.compile(r"[A-Za-z][\w'&-]*")
NAME_SHARE = 0.8  # a word written with a capital this often, at the start of a text apart, is a name
RARE = 3  # words met less often are misspellings and codes
RIDGE = np.logspace(0, 5, 11)


class Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much is read of what; `repeats`: how often each distinct text of a set counts, "risk" being all passages."""

    titles: int
    call_sentences: int
    repeats: dict[str, int] = {}


class WidenConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`words` is what merges are learnt from, `settle` what the base reads afterwards, as `train` says.

    `labelled` is the SFT config whose training rows are read; `encoder` is one of training.encoders.
    """

    labelled: str
    vocab_size: int
    years: list[int]
    encoder: str
    min_count: int
    words: Texts
    settle: Texts
    train: Schedule
    seed: int = 0


def corpus(
    texts: Texts, titles: list[str], sentences: list[str], rows: pd.DataFrame, seed: int
) -> Iterator[tuple[str, int]]:
    """Cleaned texts and how often each counts: some of the `titles` and of calls' `sentences`, all training `rows`."""
    random = np.random.default_rng(seed)
    yield from ((clean(title), 1) for title in pick(titles, texts.titles, random))
    yield from ((sentence, 1) for sentence in pick(sentences, texts.call_sentences, random))
    for name, part in rows.groupby(rows["source"].where(rows["task"] == "sentiment", "risk")):
        repeats = texts.repeats.get(str(name), 1)
        yield from ((clean(text), repeats) for text in part["text"].drop_duplicates())


def count_words(texts: Iterable[tuple[str, int]], old: PreTrainedTokenizerFast, min_count: int) -> dict[str, int]:
    """Counts of the words as `old` cuts texts before it looks for tokens: those that are common and no names."""
    cut, lower = old.backend_tokenizer.pre_tokenizer, old.backend_tokenizer.normalizer
    counts: Counter[str] = Counter()
    met: Counter[str] = Counter()
    written: Counter[str] = Counter()
    capitals: Counter[str] = Counter()
    for text, repeats in texts:
        for word in WORD.findall(text)[1:]:
            written[word.lower()] += 1
            capitals[word.lower()] += word[0].isupper()
        for word, _ in cut.pre_tokenize_str(lower.normalize_str(text)):
            counts[word] += repeats
            met[word] += 1
    names = {word for word, count in written.items() if capitals[word] >= NAME_SHARE * count}
    return {
        word: count
        for word, count in counts.items()
        if count >= min_count and met[word] >= RARE and word.lstrip("Ġ") not in names
    }


def further_merges(old: PreTrainedTokenizerFast, words: dict[str, int], vocab_size: int) -> list[tuple[str, str]]:
    """Pairs of tokens to be joined, best first, until there are `vocab_size`: BPE over the tokens of `old`."""
    signs = [chr(FIRST_SIGN + at) for at in range(len(old))]
    spelt = {word: "".join(signs[piece.id] for piece in old.backend_tokenizer.model.tokenize(word)) for word in words}
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, initial_alphabet=signs, show_progress=False)
    over = Tokenizer(models.BPE())
    over.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    over.train_from_iterator((" ".join([spelt[word]] * count) for word, count in words.items()), trainer)
    token_of = dict(zip(signs, old.convert_ids_to_tokens(range(len(old))), strict=True))
    merges = json.loads(over.to_str())["model"]["merges"]
    return [tuple("".join(token_of[sign] for sign in part) for part in pair) for pair in merges]


def with_merges(old: PreTrainedTokenizerFast, merges: list[tuple[str, str]]) -> PreTrainedTokenizerFast:
    """`old` with tokens for what the merges make, after its own."""
    state = json.loads(old.backend_tokenizer.to_str())
    for pair in merges:
        state["model"]["vocab"].setdefault("".join(pair), len(state["model"]["vocab"]))
        state["model"]["merges"].append(list(pair))
    return with_marks(Tokenizer.from_str(json.dumps(state)))


def word_embeddings(encoder: Path, words: list[str]) -> np.ndarray:
    """(n, width): the mean of the encoder's embeddings of each word's pieces, out of any context."""
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    table = AutoModel.from_pretrained(encoder, add_pooling_layer=False).get_input_embeddings().weight
    pieces = tokenizer(words, add_special_tokens=False)["input_ids"]
    rows = table.detach().float().numpy()
    return np.stack([rows[ids].mean(axis=0) if ids else np.zeros(rows.shape[1]) for ids in pieces])


def widened(model: PreTrainedModel, new: PreTrainedTokenizerFast, encoder: Path) -> PreTrainedModel:
    """`model` with rows for the tokens of `new` that it lacks, where the encoder's embeddings put them."""
    known = model.get_input_embeddings().weight.detach().float().numpy()
    words = [new.backend_tokenizer.decode([at]).strip() for at in range(len(new))]
    features = word_embeddings(encoder, words)
    whole = [at for at in range(len(known)) if words[at].isalpha() and len(words[at]) > 2]
    fitted = RidgeCV(RIDGE).fit(features[whole], known[whole])
    model.resize_token_embeddings(len(new), mean_resizing=False)
    rows = torch.from_numpy(fitted.predict(features[len(known) :])).to(model.dtype)
    model.get_input_embeddings().weight.data[len(known) :] = rows
    return model


def stream_of(texts: Iterable[tuple[str, int]], tokenizer: PreTrainedTokenizerFast, seed: int) -> np.ndarray:
    """All texts as one stream of tokens, in random order, each as often as it counts."""
    told = [text for text, repeats in texts for _ in range(repeats)]
    return encode_titles(tokenizer, [told[at] for at in np.random.default_rng(seed).permutation(len(told))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    parallel.join()
    config = read_toml(arguments.config, WidenConfig)
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows, _ = build(read_config(Path(config.labelled)).data, arguments.data)
    rows = rows[rows["split"] == "train"]
    titles = load_titles(arguments.data / "headlines", config.years)
    sentences = call_sentences(arguments.data / "calls")
    old = AutoTokenizer.from_pretrained(arguments.base)
    words = count_words(corpus(config.words, titles, sentences, rows, config.seed), old, config.min_count)
    new = with_merges(old, further_merges(old, words, config.vocab_size))
    with parallel.first_alone():
        encoder = encoder_path(config.encoder, arguments.out)
    model = widened(full_precision(arguments.base), new, encoder)
    stream = stream_of(corpus(config.settle, titles, sentences, rows, config.seed), new, config.seed)
    model = train(model, config.train, stream, arguments.out, config.seed)
    if parallel.is_first():
        model.save_pretrained(arguments.out / "base")
        new.save_pretrained(arguments.out / "base")


if __name__ == "__main__":
    main()
