"""Models by folder, as scorers: a bundle, its base without the adapter, or a local encoder."""

from pathlib import Path

from sentfeat.errors import BundleError
from sentfeat.evaluate import Scorer
from sentfeat.evaluate.encoder import encoder
from sentfeat.score.bundle import PASSPORT, open_bundle
from sentfeat.score.engine import Engine
from sentfeat.score.load import choose_device, load_network, load_tokenizer
from sentfeat.score.model import LabelModel
from sentfeat.score.prompt import PromptEncoder


def is_bundle(folder: Path) -> bool:
    """Whether `folder` holds a bundle rather than a Transformers model."""
    return (folder / PASSPORT).exists()


def load_scorer(folder: Path) -> Scorer:
    """The bundle or the encoder in `folder`. Raises BundleError if it is neither."""
    if is_bundle(folder):
        return Engine.load(folder).probabilities
    if (folder / "config.json").exists():
        return encoder(folder)
    raise BundleError(f"{folder} holds neither a bundle ({PASSPORT}) nor a Transformers model (config.json)")


def zero_shot(folder: Path) -> Scorer:
    """The base of the bundle in `folder` without its adapter, asked through the same prompt, at temperature 1."""
    bundle = open_bundle(folder)
    device, dtype = choose_device(None)
    prompts = PromptEncoder(bundle.template, load_tokenizer(bundle), bundle.passport.max_tokens)
    model = LabelModel(load_network(bundle, device, dtype, adapter=False), prompts)
    engine = Engine(bundle, prompts, model, dtype)
    engine.temperature = 1.0  # the bundle's own was fitted to the adapter's logits
    return engine.probabilities
