"""Found models as scorers: with their adapter, or their base as it was before."""

from dataclasses import replace

from sentfeat.evaluate import Scorer
from sentfeat.score.bundle import Bundle
from sentfeat.score.engine import Engine
from sentfeat.score.find import load_model


def load_scorer(bundle: Bundle) -> Scorer:
    """The model, asked as it is asked everywhere."""
    return load_model(bundle).probabilities


def zero_shot(bundle: Bundle) -> Scorer:
    """The base of `bundle` without its adapter, asked through the same prompt, at temperature 1."""
    engine = Engine.load(replace(bundle, adapter=None), check=False)
    engine.temperature = 1.0  # the bundle's own was fitted to the adapter's logits
    return engine.probabilities
