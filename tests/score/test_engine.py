import numpy as np
import pytest
import torch
from peft import PeftModel
from scipy.special import expit, softmax
from transformers import AutoModelForCausalLM, AutoTokenizer

from sentfeat.categories import RISKS
from sentfeat.errors import BundleError, DataError
from sentfeat.score.bundle import embedded_path
from sentfeat.score.engine import Engine
from sentfeat.score.probability import probabilities, tone
from sentfeat.score.prompt import LABELS, PLAIN
from sentfeat.score.risks import KEYWORDS_HASH, keyword_risks
from tests.score.test_bundle import edit_passport, edit_risk_head
from tests.score.tiny import copy_bundle

HEADLINES = [
    "Acme beats estimates, shares soar",
    "Acme cuts its outlook as demand weakens",
    "Acme to present at a conference",
    "Globex recalls 1,200 pumps after a failure in the field and faces a fine",
    "Fed leaves rates alone",
    "Up",
]


@pytest.fixture(scope="module")
def tiny(tiny_bundle):
    return Engine.load(tiny_bundle, device="cpu")


@pytest.fixture(scope="module")
def shipped():
    return Engine.load(embedded_path(), device="cpu")


def many(count):
    """Texts of all lengths, more than one batch for some of them."""
    return [f"{HEADLINES[i % 6]} {'again ' * (i % 17)}{i}" for i in range(count)]


def reference_logits(bundle, prompts, answers=PLAIN.words):
    """Another way to the same numbers: NF4 layers and adapter unmerged, one prompt at a time, the whole vocabulary."""
    tokenizer = AutoTokenizer.from_pretrained(bundle / "base")
    base = AutoModelForCausalLM.from_pretrained(bundle / "base", dtype=torch.float32)
    for parameter in base.parameters():
        if parameter.is_floating_point():
            parameter.data = parameter.data.float()
    model = PeftModel.from_pretrained(base, bundle / "adapter").train()  # no dropout; eval repacks NF4 on some CPUs
    words = [tokenizer(answer, add_special_tokens=False)["input_ids"][0] for answer in answers]
    rows = []
    for prompt in prompts:
        ids = [tokenizer.bos_token_id, *tokenizer(prompt, add_special_tokens=False)["input_ids"]]
        with torch.no_grad():
            rows.append(model(input_ids=torch.tensor([ids])).logits[0, -1, words].numpy())
    return np.stack(rows)


@pytest.mark.parametrize("which", ["tiny", "shipped"])
def test_sentiment_equals_a_plain_peft_forward(which, request):
    engine = request.getfixturevalue(which)
    entities = [None, "Acme", None, "Globex", None, None]
    prompts = [PLAIN.prompt(text, entity) for text, entity in zip(HEADLINES, entities, strict=True)]
    logits = reference_logits(engine.bundle.path, prompts)
    expected = softmax(logits / engine.bundle.passport.temperature, axis=1)
    np.testing.assert_allclose(engine.probabilities(HEADLINES, entities), expected, atol=1e-4)


@pytest.mark.parametrize("which", ["tiny", "shipped"])
def test_risks_equal_a_plain_peft_forward(which, request):
    engine = request.getfixturevalue(which)
    head = engine.bundle.passport.risk
    if head is None:
        pytest.skip(f"the {which} bundle has no risk head")
    prompts = [PLAIN.prompt(text, task="risk") for text in HEADLINES]
    logits = reference_logits(engine.bundle.path, prompts, PLAIN.risk_words) + head.cue * keyword_risks(HEADLINES)
    expected = expit(np.array(head.scale) * logits + np.array(head.offset))
    np.testing.assert_allclose(engine.risks(HEADLINES), expected, atol=1e-4)


def test_a_keyword_adds_its_weight_to_the_risk_that_it_names_and_to_no_other(tiny_bundle, tmp_path):
    bundle = copy_bundle(tiny_bundle, tmp_path / "bundle")
    texts = ["Acme recalls pumps", "Acme is fine", "", "Acme recalls pumps"]
    found = {}
    for cue in (0.0, 2.5):
        edit_risk_head(bundle, cue=cue, keywords_hash=KEYWORDS_HASH, probes=[])
        found[cue] = Engine.load(bundle, device="cpu").risk_logits(texts)
    added = np.where(keyword_risks(texts), np.float32(2.5), 0)
    added[2] = np.nan
    assert added[0].sum() == 2.5
    np.testing.assert_allclose(found[2.5] - found[0.0], added, atol=1e-5)


@pytest.mark.parametrize("method", ["score", "risk_logits"])
@pytest.mark.parametrize("which", ["tiny", "shipped"])
def test_a_text_gets_the_same_bits_in_any_company(which, method, request):
    engine = request.getfixturevalue(which)
    if method == "risk_logits" and engine.bundle.passport.risk is None:
        pytest.skip(f"the {which} bundle has no risk head")
    score, texts = getattr(engine, method), many(150)
    together = score(texts)
    shuffle = np.random.default_rng(0).permutation(len(texts))
    np.testing.assert_array_equal(score([texts[i] for i in shuffle]), together[shuffle])
    for alone in (0, 16, 77, 149):
        np.testing.assert_array_equal(score([texts[alone]])[0], together[alone])
    np.testing.assert_array_equal(score(texts[40:60]), together[40:60])


def test_the_number_of_threads_does_not_move_a_bit(shipped):
    texts, before = HEADLINES, torch.get_num_threads()
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(shipped.score(texts))
    torch.set_num_threads(before)
    np.testing.assert_array_equal(*found)


def test_order_is_restored_and_duplicates_are_scored_once(tiny, monkeypatch):
    rows = []
    run = tiny._answer
    monkeypatch.setattr(tiny, "_answer", lambda *asked: rows.append(len(asked[1].members)) or run(*asked))
    texts = ["long " * 9, "Up", "long " * 9, "Up", "Acme rises"]
    logits = tiny.score(texts)
    assert sum(rows) == 3
    np.testing.assert_array_equal(logits[0], logits[2])
    np.testing.assert_array_equal(logits[1], logits[3])
    np.testing.assert_array_equal(logits, np.concatenate([tiny.score([text]) for text in texts]))


def test_the_entity_matters_and_is_part_of_the_key(tiny):
    texts, entities = ["Acme beats Globex"] * 4, ["Acme", "Globex", None, "Acme"]
    logits = tiny.score(texts, entities)
    np.testing.assert_array_equal(logits[0], logits[3])
    assert len(np.unique(logits, axis=0)) == 3


def test_chunks_cover_each_position_once(tiny):
    texts = [*many(100), *many(30)]
    chunks = list(tiny.chunks(texts, chunk=20))
    assert len(chunks) > 2
    assert sorted(np.concatenate([positions for positions, _ in chunks])) == list(range(130))
    whole = tiny.score(texts)
    for positions, values in chunks:
        np.testing.assert_array_equal(whole[positions], values["sentiment"])


def test_asking_two_tasks_together_changes_no_bit(tiny):
    texts, entities = many(60) * 2, [None] * 60 + ["Acme", "Globex"] * 30
    both = tiny.answers(texts, entities, ("sentiment", "risk"))
    np.testing.assert_array_equal(both["sentiment"], tiny.score(texts, entities))
    np.testing.assert_array_equal(both["risk"], tiny.risk_logits(texts))


def test_progress_counts_every_item(tiny):
    done = []
    tiny.score([*many(40), ""], progress=done.append)
    assert sum(done) == 41


def test_long_texts_are_cut_at_their_end_not_in_the_question(tiny, caplog):
    long = "Acme profit " * 5000
    with caplog.at_level("WARNING"):
        first, same, other = tiny.score([long, long + "x", long], [None, None, "Acme"])
    assert "2 of" in caplog.text or "3 of" in caplog.text
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_nothing_to_read_is_missing_not_neutral(tiny):
    logits = tiny.score(["", "Acme rises", "https://example.org"])
    assert np.isnan(logits).all(axis=1).tolist() == [True, False, True]
    assert np.isnan(tone(probabilities(logits))).tolist() == [True, False, True]


def test_a_text_without_words_has_no_risks_rather_than_low_ones(tiny):
    chances = tiny.risks(["", "Acme rises"])
    assert chances.shape == (2, len(RISKS))
    assert chances.dtype == np.float64
    assert np.isnan(chances).all(axis=1).tolist() == [True, False]


def test_a_bundle_without_a_risk_head_refuses_risks_and_still_scores(tiny_bundle, tmp_path):
    bundle = copy_bundle(tiny_bundle, tmp_path / "bundle")
    edit_passport(bundle, risk=None)
    engine = Engine.load(bundle, device="cpu")
    for ask in (engine.risks, engine.risk_logits):
        with pytest.raises(BundleError, match="no risk head"):
            ask(["Acme rises"])
    assert engine.score(["Acme rises"]).shape == (1, 3)


def test_an_empty_list_gives_an_empty_array(tiny):
    logits = tiny.score([], [])
    assert logits.shape == (0, len(LABELS))
    assert logits.dtype == np.float32


def test_lists_of_unequal_length_are_refused(tiny):
    with pytest.raises(DataError, match="2 texts but 1 entities"):
        tiny.score(["a", "b"], ["Acme"])


@pytest.mark.parametrize(("text", "entity"), [(None, None), ("Acme rises", float("nan"))])
def test_values_that_are_not_text_are_refused(tiny, text, entity):
    with pytest.raises(DataError, match="must be a string"):
        tiny.score([text], [entity])


def test_golden_probes_guard_the_load(tiny_bundle, tmp_path):
    bundle = copy_bundle(tiny_bundle, tmp_path / "bundle")
    probe = {"text": "Acme rises", "entity": None, "probabilities": [0.2, 0.2, 0.6]}
    edit_passport(bundle, probes=[probe])
    with pytest.raises(BundleError, match=r"golden probe 'Acme rises'"):
        Engine.load(bundle, device="cpu")


def test_risk_probes_guard_the_load(tiny_bundle, tmp_path):
    bundle = copy_bundle(tiny_bundle, tmp_path / "bundle")
    edit_risk_head(bundle, probes=[{"text": "Acme is sued", "probabilities": [0.5] * 12}])
    with pytest.raises(BundleError, match=r"golden probe 'Acme is sued'"):
        Engine.load(bundle, device="cpu")


def test_the_shipped_bundle_tells_good_from_bad(shipped):
    texts = [
        "Acme profit jumps 40 percent, beats estimates",
        "Acme shares tumble after profit warning",
        "Acme to hold annual meeting on May 5",
    ]
    chances = probabilities(shipped.score(texts), shipped.temperature)
    assert [LABELS[i] for i in chances.argmax(axis=1)] == ["positive", "negative", "neutral"]


def test_out_of_memory_halves_the_batches_and_goes_on(tiny_bundle, caplog, monkeypatch):
    engine = Engine.load(tiny_bundle, device="cpu")
    texts, read = many(60), engine._model.read
    expected = engine.score(texts)

    def crowded(ids, lengths):
        if ids.size > 200:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return read(ids, lengths)

    monkeypatch.setattr(engine._model, "read", crowded)
    np.testing.assert_allclose(engine.score(texts), expected, atol=1e-4)
    assert "out of memory" in caplog.text
    assert engine._shapes.budget <= 200 * 2
    caplog.clear()
    engine.score(texts)
    assert caplog.text.count("out of memory") <= 1  # it has learnt


def test_one_text_that_does_not_fit_is_an_error(tiny_bundle, monkeypatch):
    engine = Engine.load(tiny_bundle, device="cpu")

    def full(ids, lengths):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(engine._model, "read", full)
    with pytest.raises(torch.OutOfMemoryError):
        engine.score(["Acme rises"])


def test_logits_that_are_no_numbers_are_refused(tiny_bundle, monkeypatch):
    engine = Engine.load(tiny_bundle, device="cpu")
    ask = engine._model.ask
    monkeypatch.setattr(engine._model, "ask", lambda *asked: ask(*asked) * np.nan)
    with pytest.raises(BundleError, match="not finite"):
        engine.score(many(40))


def test_scoring_leaves_the_number_of_threads_as_it_was(tiny):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    next(iter(tiny.chunks(many(200), chunk=20)))  # and nobody wants the rest
    assert torch.get_num_threads() == 2
    tiny.score(many(10))
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)
