"""A bundle: the folder that holds a model and its passport.

    base/          NF4 weights as Transformers + bitsandbytes save them, and the tokenizer
    adapter/       a LoRA adapter as peft saves it
    passport.json  what the two are, what they learned from, how good they are, and how to recognise them
    LICENSE        README.md (the model card)

`open_bundle` compares the folder with its passport and names what differs. Nothing here imports torch: flows need the
model id for their paths, and must not pay seconds for it.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from sentfeat.categories import RISKS
from sentfeat.errors import BundleError
from sentfeat.score.prompt import LABELS, TEMPLATES, Task, Template
from sentfeat.score.risks import KEYWORDS_HASH
from sentfeat.whole import write_whole

PASSPORT = "passport.json"
BASE_FILES = ("config.json", "model*.safetensors", "model*.safetensors.index.json")
TOKENIZER_FILES = ("tokenizer*", "special_tokens_map.json", "chat_template*", "vocab.json", "merges.txt")
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
SLUG_HASH = 8

PerRisk = Annotated[tuple[float, ...], msgspec.Meta(min_length=len(RISKS), max_length=len(RISKS))]
"""A number for each of RISKS, in their order."""


class Part(msgspec.Struct, frozen=True):
    """A base or an adapter: its readable id, the hash of its files, and the newest text it has seen."""

    id: str
    hash: str
    text_seen_until: str  # a date: scores of earlier text are not out of sample for this part


class DataSource(msgspec.Struct, frozen=True):
    """A data set that a shipped model was trained on."""

    name: str
    licence: str
    rows: int
    use: str  # "base" or "adapter"


class Probe(msgspec.Struct, frozen=True):
    """A text with the probabilities (in the order of LABELS) that a faithful load gives."""

    text: str
    entity: str | None
    probabilities: tuple[float, float, float]


class RiskProbe(msgspec.Struct, frozen=True):
    """A text with the risk probabilities that a faithful load gives."""

    text: str
    probabilities: PerRisk


class RiskHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the logits of the risk words are read: p = sigmoid(scale x logit + offset), yes at p >= threshold.

    A category's logit is the network's, and `cue` more where one of the category's keywords occurs in the text.
    """

    labels: tuple[str, ...]
    words: tuple[str, ...]
    scale: PerRisk
    offset: PerRisk
    thresholds: PerRisk
    cue: float = 0.0
    keywords_hash: str = ""  # of the keywords that `cue` was fitted with
    probes: tuple[RiskProbe, ...] = ()


class Passport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that is known about a bundle."""

    name: str
    base: Part
    adapter: Part
    tokenizer_hash: str
    template: str
    template_hash: str
    labels: tuple[str, ...]
    label_words: tuple[str, ...]
    quantisation: str
    max_tokens: int
    temperature: float
    probes: tuple[Probe, ...]
    training_data: tuple[DataSource, ...]
    metrics: dict[str, dict[str, float]]
    notice: str
    can_explain: bool = False
    risk: RiskHead | None = None  # None: the adapter was never taught to name risks


@dataclass(frozen=True)
class Bundle:
    """A model's files and what is known about them; its network is not loaded."""

    path: Path  # what messages call it
    passport: Passport
    base: Path  # folder of the weights and the tokenizer
    adapter: Path | None  # folder of a LoRA adapter
    quantise: bool = False  # on loading, to NF4: the adapter was trained on weights in that form
    is_classifier: bool = False  # its base has a head for the labels and is asked nothing in words

    @property
    def template(self) -> Template:
        """The template that the adapter was trained with."""
        return TEMPLATES[self.passport.template]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What can be asked of the bundle."""
        return ("sentiment", "risk") if self.passport.risk else ("sentiment",)

    def model_id(self, dtype: str = "float32") -> str:
        """sha256 of all that decides a logit, and nothing else; `dtype` is the numeric mode of the scoring."""
        p = self.passport
        files = [p.base.hash, p.adapter.hash, p.tokenizer_hash]
        decisive = [*files, p.template_hash, p.labels, p.label_words, p.quantisation, p.max_tokens, dtype]
        decisive += [p.risk.labels, p.risk.words, p.risk.cue, p.risk.keywords_hash] if p.risk else []
        return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()

    def slug(self, dtype: str = "float32") -> str:
        """Readable and unique, for folder names: the bundle's name and the head of its model id."""
        return f"{self.passport.name}-{self.model_id(dtype)[:SLUG_HASH]}"


def open_bundle(path: str | Path) -> Bundle:
    """Read and check the bundle in folder `path`; cheap (a few MB are hashed), no torch.

    Raises BundleError naming what is missing or differs: base, adapter, tokenizer, template, labels or risks.
    """
    path = Path(path)
    p = read_passport(path)
    if p.template not in TEMPLATES:
        raise BundleError(f"{path}: unknown template {p.template!r}; this version knows {sorted(TEMPLATES)}")
    if p.temperature <= 0:
        raise BundleError(f"{path}: temperature {p.temperature} in {PASSPORT} must be above 0")
    if p.labels != LABELS:
        raise BundleError(f"{path}: label order {p.labels} in {PASSPORT}, but scores are stored as {LABELS}")
    bundle = Bundle(path, p, path / "base", path / "adapter")
    _compare(path, "label words", p.label_words, bundle.template.words)
    if p.risk:
        _check_risk_head(path, p.risk, bundle.template)
    _compare(path, "template", p.template_hash, bundle.template.hash)
    _compare(path, "base", p.base.hash, hash_files(bundle.base, BASE_FILES))
    _compare(path, "tokenizer", p.tokenizer_hash, hash_files(bundle.base, TOKENIZER_FILES))
    _compare(path, "adapter", p.adapter.hash, hash_files(path / "adapter", ADAPTER_FILES))
    return bundle


def embedded_path() -> Path:
    """Folder of the bundle that ships with the package."""
    return Path(__file__).parent / "embedded"


def read_passport(path: Path) -> Passport:
    """The passport in folder `path`, unchecked. Raises BundleError if it is absent or malformed."""
    try:
        return msgspec.json.decode((path / PASSPORT).read_bytes(), type=Passport)
    except FileNotFoundError:
        raise BundleError(f"{path}: no {PASSPORT} here; a bundle folder holds base/, adapter/ and {PASSPORT}") from None
    except msgspec.MsgspecError as error:
        raise BundleError(f"{path / PASSPORT}: {error}") from error


def write_passport(path: Path, passport: Passport) -> None:
    """Write the passport last: a folder without one is not a bundle."""
    write_whole(path / PASSPORT, msgspec.json.format(msgspec.json.encode(passport), indent=2) + b"\n")


def hash_files(folder: Path, patterns: tuple[str, ...]) -> str:
    """sha256 over names and contents of the files in `folder` that match; raises BundleError if none does."""
    files = sorted({file for pattern in patterns for file in folder.glob(pattern)})
    if not files:
        raise BundleError(f"{folder}: none of {', '.join(patterns)} found; the bundle is incomplete")
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name} {_sha256(file)}\n".encode())
    return digest.hexdigest()


def _sha256(file: Path) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check_risk_head(path: Path, head: RiskHead, template: Template) -> None:
    if head.labels != RISKS:
        raise BundleError(f"{path}: risk order {head.labels} in {PASSPORT}, but risks are stored as {RISKS}")
    _compare(path, "risk words", head.words, template.risk_words)
    if head.cue:
        _compare(path, "keywords of the risks", head.keywords_hash, KEYWORDS_HASH)


def _compare(path: Path, what: str, expected: object, found: object) -> None:
    if expected != found:
        raise BundleError(
            f"{path}: the {what} differs from the passport: expected {_short(expected)}, found {_short(found)}; "
            "fetch the bundle again, or retrain it if the change is wanted"
        )


def _short(value: object) -> str:
    return value[:12] if isinstance(value, str) else str(value)
