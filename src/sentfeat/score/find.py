"""Any model, by folder or hub id: `find_model("mistralai/Mistral-7B-Instruct-v0.3", adapter="my_adapter")`.

What is found may be a bundle; a Transformers causal model, alone or with a LoRA adapter made here or by plain peft; an
adapter, whose config names its base; or a classifier such as FinBERT. Without a passport a bundle's identity is derived
from the hashes of its files, and nothing about it has been measured: temperature 1, no probes, no risk head.

Weights are read from safetensors only, and no code that comes with a model is run. Nothing here imports torch.
"""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sentfeat.errors import BundleError
from sentfeat.score.bundle import (
    ADAPTER_FILES,
    BASE_FILES,
    PASSPORT,
    TOKENIZER_FILES,
    Bundle,
    Part,
    Passport,
    embedded_path,
    hash_files,
    open_bundle,
)
from sentfeat.score.prompt import LABELS, LLAMA3, MISTRAL_INSTRUCT, PLAIN, TEMPLATES, Template, label_positions

if TYPE_CHECKING:
    from sentfeat.score.classifier import Classifier
    from sentfeat.score.engine import Engine

MAX_TOKENS = 1024
UNKNOWN = "9999-12-31"  # what a model without a passport has seen: no text counts as unseen
NOTICE = "no passport: its identity is derived from its files, and its quality has not been measured"
WANTED = ["*.json", "*.safetensors", "*.jinja", "tokenizer*", "*.txt", "README.md"]
UNWANTED = ["consolidated*", "original/*", "onnx/*"]  # the same weights once more
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl")


class Asked(NamedTuple):
    """A model as a person names it: the arguments of find_model."""

    model: str | None = None
    adapter: str | None = None
    template: str | None = None


def find_model(
    model: str | Path | None = None, adapter: str | Path | None = None, template: str | None = None
) -> Bundle:
    """The model named `model` (default: the embedded bundle), with `adapter` on it if one is given.

    `template` names one of TEMPLATES instead of the one that the tokenizer suggests. Raises BundleError naming what is
    missing, unsafe or unknown.
    """
    folder = embedded_path() if model is None else find_folder(model)
    if (folder / PASSPORT).exists():
        if adapter is None and template is None:
            return open_bundle(folder)
        adapter, folder = adapter or folder / "adapter", folder / "base"
    elif adapter is None and (folder / ADAPTER_FILES[0]).exists():
        adapter, folder = folder, _base_of(folder)
    return _derive(folder, None if adapter is None else find_folder(adapter), template)


def load_model(bundle: Bundle, device: str | None = None) -> "Engine | Classifier":
    """The network of a found model, ready to score; for `device` and errors see Engine.load."""
    if bundle.is_classifier:
        from sentfeat.score.classifier import Classifier

        return Classifier.load(bundle, device=device)
    from sentfeat.score.engine import Engine

    return Engine.load(bundle, device=device)


def find_folder(name: str | Path) -> Path:
    """The folder `name`, or that of a hub id in the hub's cache, fetched if need be and allowed (HF_HUB_OFFLINE)."""
    if Path(name).is_dir():
        return Path(name)
    if not isinstance(name, str) or not _HUB_ID.fullmatch(name):
        raise BundleError(f"{name}: no such folder, and no hub id (owner/name) either")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=WANTED, ignore_patterns=UNWANTED))
    except LocalEntryNotFoundError as error:
        raise BundleError(
            f"{name} is neither a folder here nor in the hub's cache, and the hub cannot be asked ({error}); fetch it "
            f"where there is a network: hf download {name}"
        ) from error
    except HfHubHTTPError as error:
        raise BundleError(f"the hub does not give {name}: {error}; for a gated model run `hf auth login`") from error


def suggest_template(folder: Path) -> Template:
    """The template whose control marks the chat template beside the tokenizer uses; the plain one if it uses none."""
    settings = _read_json(folder / "tokenizer_config.json", {})
    chat = json.dumps(settings.get("chat_template") or "")
    if (folder / "chat_template.jinja").exists():
        chat += (folder / "chat_template.jinja").read_text(encoding="utf-8")
    for template in (LLAMA3, MISTRAL_INSTRUCT):
        if template.controls[0] in chat:
            return template
    return PLAIN


def _derive(base: Path, adapter: Path | None, template_name: str | None) -> Bundle:
    """A bundle without a passport; its own name, hashes and template stand where a passport's would."""
    if template_name is not None and template_name not in TEMPLATES:
        raise BundleError(f"no template {template_name!r}; there are {', '.join(sorted(TEMPLATES))}")
    config = _read_json(base / "config.json")
    _refuse_pickles(base, "model*.safetensors")
    if adapter is not None:
        _read_json(adapter / ADAPTER_FILES[0])
        _refuse_pickles(adapter, ADAPTER_FILES[1])
    template = TEMPLATES[template_name] if template_name else suggest_template(base)
    is_classifier = any(name.endswith("ForSequenceClassification") for name in config.get("architectures") or [])
    quantise = adapter is not None and "quantization_config" not in config and _trained_in_4_bit(adapter)
    words = tuple(_label_names(base, config)) if is_classifier else template.words
    passport = Passport(
        name="-".join(_short_name(part) for part in (base, adapter) if part is not None),
        base=Part(str(base), hash_files(base, BASE_FILES), UNKNOWN),
        adapter=Part(str(adapter), hash_files(adapter, ADAPTER_FILES) if adapter else "", UNKNOWN),
        tokenizer_hash=hash_files(base, TOKENIZER_FILES),
        template="none" if is_classifier else template.name,
        template_hash="" if is_classifier else template.hash,
        labels=LABELS,
        label_words=words,
        quantisation=_quantisation(config, quantise),
        max_tokens=min(MAX_TOKENS, config.get("max_position_embeddings") or MAX_TOKENS),
        temperature=1.0,
        probes=(),
        training_data=(),
        metrics={},
        notice=NOTICE,
    )
    return Bundle(base, passport, base, adapter, quantise, is_classifier)


def _base_of(adapter: Path) -> Path:
    named = _read_json(adapter / ADAPTER_FILES[0]).get("base_model_name_or_path")
    if not named:
        raise BundleError(
            f"{adapter / ADAPTER_FILES[0]} names no base; say which with --model BASE --adapter {adapter}"
        )
    return find_folder(named)


def _label_names(base: Path, config: dict[str, Any]) -> list[str]:
    """The names of a classifier's outputs in the order of LABELS. Raises BundleError if it does not tell them."""
    names = {int(at): str(name) for at, name in (config.get("id2label") or {}).items()}
    try:
        return [names[at] for at in label_positions(names)]
    except BundleError as error:
        raise BundleError(f"{base}: {error}") from error


def _quantisation(config: dict[str, Any], quantise: bool) -> str:
    if quantise:
        return "nf4, on loading"
    found = config.get("quantization_config") or {}
    return str(found.get("bnb_4bit_quant_type") or found.get("quant_method") or "none")


def _trained_in_4_bit(adapter: Path) -> bool:
    """Whether the card that peft wrote says so: merged into weights of another precision, half its effect is lost."""
    card = adapter / "README.md"
    return card.exists() and re.search(r"^- load_in_4bit: True", card.read_text(encoding="utf-8"), re.M) is not None


def _refuse_pickles(folder: Path, wanted: str) -> None:
    if any(folder.glob(wanted)):
        return
    pickles = sorted(file.name for pattern in _PICKLES for file in folder.glob(pattern))
    if pickles:
        raise BundleError(
            f"{folder} holds {', '.join(pickles)}, pickled weights that could run code when read, and no {wanted}; "
            "get it as safetensors, or convert it where you trust it"
        )
    raise BundleError(f"{folder} holds no {wanted}; it is incomplete, or no model")


def _short_name(folder: Path) -> str:
    """The hub's or the folder's name for a model, fit for a path."""
    cached = [part for part in folder.parts if part.startswith("models--")]
    name = cached[-1].split("--")[-1] if cached else folder.resolve().name
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "model"


def _read_json(path: Path, default: dict[str, Any] | None = None) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if default is not None:
            return default
        raise BundleError(f"{path.parent} holds neither {PASSPORT} nor {path.name}: it is no model") from None
    except ValueError as error:
        raise BundleError(f"{path} cannot be read: {error}") from error
