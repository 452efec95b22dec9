"""Words near to those of the training rows, to say a row in other words.

As in TinyBERT (Jiao et al., 2020), whose students of a tuned encoder owe much of their score to such rows. A near word
may say the opposite ("rises", "falls"): the label of the new text is for the teacher to give.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from sentfeat.score.prompt import clean
from training.encoders import mean_of_tokens

NEAREST = 8
LEAST_COSINE = 0.45
LEAST_COUNT = 2
AROUND = ".,;:!?'\"()…"
ENCODED_AT_ONCE = 512


class NearWords:
    """The words of `texts` that occur LEAST_COUNT times or more, each with those that an encoder puts nearest to it."""

    def __init__(self, encoder: Path, texts: Iterable[str]) -> None:
        counts = Counter(word.strip(AROUND).lower() for text in texts for word in clean(text).split())
        words = [word for word, count in counts.items() if count >= LEAST_COUNT and len(word) >= 3 and word.isalpha()]
        vectors = _vectors(encoder, words)
        self._near: dict[str, list[str]] = {}
        for word, vector in zip(words, vectors, strict=True):
            found = (vectors @ vector).topk(min(NEAREST + 1, len(words)))
            near = zip(found.values.tolist(), found.indices.tolist(), strict=True)
            self._near[word] = [words[at] for cosine, at in near if cosine >= LEAST_COSINE and words[at] != word]

    def another(self, word: str, random: np.random.Generator) -> str:
        """A word near to `word`, in its case and with the punctuation around it; `word` itself if none is known."""
        core = word.strip(AROUND)
        near = self._near.get(core.lower())
        return word.replace(core, _in_case_of(core, str(random.choice(near)))) if near else word


def _vectors(encoder: Path, words: list[str]) -> torch.Tensor:
    """(n, width) of length one: the mean of the encoder's output for each word by itself."""
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    model = AutoModel.from_pretrained(encoder, add_pooling_layer=False)
    parts = []
    for start in range(0, len(words), ENCODED_AT_ONCE):
        tokens = tokenizer(words[start : start + ENCODED_AT_ONCE], padding=True, return_tensors="pt")
        with torch.inference_mode():
            hidden = model(**tokens).last_hidden_state
        parts.append(mean_of_tokens(hidden, tokens["attention_mask"]))
    return torch.nn.functional.normalize(torch.cat(parts), dim=1)


def _in_case_of(like: str, word: str) -> str:
    return word.upper() if like.isupper() else word.capitalize() if like[0].isupper() else word
