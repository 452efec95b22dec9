"""A file's slices scored by a vLLM server that serves the bundle's merged checkpoint.

    sentfeat export --model BUNDLE --output merged
    vllm serve merged --logprobs-mode processed_logprobs          # in an environment of its own
    sentfeat score --engine vllm --address http://localhost:8000 --model BUNDLE --input ... --output ...

The prompts are made here, token by token as the engine reads them; the server is asked for one token out of the labels'
and for the log-probabilities of these. Golden probes show at the start whether it serves the same model.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np

from sentfeat.errors import BundleError, ConfigError, SourceError
from sentfeat.score.bundle import Bundle
from sentfeat.score.file_job import Answered, Progress, Slice
from sentfeat.score.load import load_tokenizer
from sentfeat.score.probability import probabilities
from sentfeat.score.prompt import LABELS, PromptEncoder

PROMPTS = 128  # of a request
REQUESTS = 8  # under way at a time: the server forms its own batches
LOGPROBS = 20  # the most that a server gives unless told otherwise
TIMEOUT = 600.0  # seconds
PROBE_TOLERANCE = 0.03  # servers score in half precision


class VllmScorer:
    """The model at `address`, asked with the prompts of `bundle`.

    Raises ConfigError if no server answers there, BundleError if it serves another model or the labels cannot be told
    apart by one token.
    """

    def __init__(self, bundle: Bundle, address: str) -> None:
        if bundle.is_classifier:
            raise BundleError(f"{bundle.path} is a classifier: score it with --engine local or ray")
        self.temperature = bundle.passport.temperature
        self.model_id = bundle.model_id("vllm")
        self.identity = f"{self.model_id} {self.temperature} "
        self._encoder = PromptEncoder(bundle.template, load_tokenizer(bundle), bundle.passport.max_tokens)
        if self._encoder.labels_share_ids:
            raise BundleError(f"{bundle.path}: its labels begin alike in this tokenizer; one token does not tell them")
        self._client = httpx.Client(base_url=address.rstrip("/"), timeout=TIMEOUT)
        self._model = self._served()
        self._check_probes(bundle)

    def run(self, slices: Iterable[Slice], progress: Progress) -> Iterator[Answered]:
        """The answers in the order of the slices."""
        for part in slices:
            yield Answered(part, self.score(part.texts, part.entities))
            progress(len(part.texts))

    def score(self, texts: Sequence[str], entities: Sequence[str | None]) -> np.ndarray:
        """Log-probabilities of the labels (n, 3) float32, NaN for a text with nothing to read."""
        prompts, _ = self._encoder.encode(texts, entities)
        found = np.full((len(texts), len(LABELS)), np.nan, dtype=np.float32)
        read = [at for at, prompt in enumerate(prompts) if prompt]
        groups = [read[start : start + PROMPTS] for start in range(0, len(read), PROMPTS)]
        with ThreadPoolExecutor(REQUESTS) as pool:
            for group, rows in zip(
                groups, pool.map(lambda g: self._ask([prompts[at] for at in g]), groups), strict=True
            ):
                found[group] = rows
        return found

    def _ask(self, prompts: list[list[int]]) -> np.ndarray:
        answer = self._post(
            "/v1/completions",
            {
                "model": self._model,
                "prompt": prompts,
                "max_tokens": 1,
                "temperature": 0,
                "logprobs": LOGPROBS,
                "allowed_token_ids": list(self._encoder.label_ids),
                "return_tokens_as_token_ids": True,
            },
        )
        choices = sorted(answer["choices"], key=lambda choice: choice["index"])
        return np.array([self._labels(choice["logprobs"]["top_logprobs"][0]) for choice in choices])

    def _labels(self, given: dict[str, float]) -> list[float]:
        names = [f"token_id:{token}" for token in self._encoder.label_ids]
        if not all(name in given and np.isfinite(given[name]) for name in names):
            raise SourceError(
                f"the server's {len(given)} log-probabilities lack a label; start it with "
                "--logprobs-mode processed_logprobs, so that they are those of the labels"
            )
        return [given[name] for name in names]

    def _served(self) -> str:
        try:
            return self._client.get("/v1/models").raise_for_status().json()["data"][0]["id"]
        except (httpx.HTTPError, KeyError, IndexError, ValueError) as error:
            raise ConfigError(
                f"no vLLM server answers at {self._client.base_url} ({error}); start one: vllm serve FOLDER, with the "
                "folder that `sentfeat export` wrote"
            ) from error

    def _post(self, path: str, body: dict) -> dict:
        try:
            return self._client.post(path, json=body).raise_for_status().json()
        except httpx.HTTPStatusError as error:
            raise SourceError(f"the vLLM server refuses: {error.response.text[:300]}") from error
        except httpx.HTTPError as error:
            raise SourceError(f"the vLLM server does not answer ({error}); run the same again to go on") from error

    def _check_probes(self, bundle: Bundle) -> None:
        probes = bundle.passport.probes
        found = probabilities(
            self.score([probe.text for probe in probes], [probe.entity for probe in probes]), self.temperature
        )
        for probe, chances in zip(probes, found, strict=True):
            if not np.abs(chances - probe.probabilities).max() <= PROBE_TOLERANCE:
                raise BundleError(
                    f"{self._client.base_url} serves {self._model!r}, which is not {bundle.path}: golden probe "
                    f"{probe.text!r} gives {chances.round(4).tolist()}, the passport says {list(probe.probabilities)}"
                )
