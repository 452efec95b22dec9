import json
import subprocess
import sys
from datetime import date

import pytest

from sentfeat.categories import RISKS
from sentfeat.errors import BundleError
from sentfeat.score.bundle import PASSPORT, embedded_path, open_bundle
from sentfeat.score.prompt import PLAIN
from tests.score.tiny import copy_bundle

SHIPPED_MEGABYTES = 15


def edit_passport(bundle, **changes):
    values = json.loads((bundle / PASSPORT).read_text())
    (bundle / PASSPORT).write_text(json.dumps({**values, **changes}))


def edit_risk_head(bundle, **changes):
    edit_passport(bundle, risk=json.loads((bundle / PASSPORT).read_text())["risk"] | changes)


def flip_byte(file):
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


@pytest.fixture
def bundle(tiny_bundle, tmp_path):
    return copy_bundle(tiny_bundle, tmp_path / "bundle")


def test_an_untouched_bundle_opens(bundle):
    opened = open_bundle(bundle)
    assert opened.template.name == "plain"
    assert opened.slug() == f"tiny-{opened.model_id()[:8]}"


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("adapter/adapter_model.safetensors", "adapter differs"),
        ("base/model.safetensors", "base differs"),
        ("base/tokenizer.json", "tokenizer differs"),
    ],
)
def test_a_changed_file_is_named(bundle, file, named):
    flip_byte(bundle / file)
    with pytest.raises(BundleError, match=named):
        open_bundle(bundle)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"labels": ["positive", "neutral", "negative"]}, "label order"),
        ({"label_words": [" positive", " neutral", " negative"]}, "label words differ"),
        ({"template_hash": "0" * 64}, "template differs"),
        ({"template": "chatty"}, "unknown template 'chatty'"),
        ({"temperature": 0.0}, "temperature"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_changed_passport_is_refused(bundle, changes, named):
    edit_passport(bundle, **changes)
    with pytest.raises(BundleError, match=named):
        open_bundle(bundle)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"labels": [*RISKS[1::-1], *RISKS[2:]]}, "risk order"),
        ({"words": [*PLAIN.risk_words[1::-1], *PLAIN.risk_words[2:]]}, "risk words differ"),
        ({"cue": 1.0, "keywords_hash": "of other keywords"}, "keywords of the risks differ"),
        ({"scale": [1.0] * 11}, "scale"),
        ({"offset": [0.0] * 13}, "offset"),
    ],
)
def test_a_changed_risk_head_is_refused(bundle, changes, named):
    edit_risk_head(bundle, **changes)
    with pytest.raises(BundleError, match=named):
        open_bundle(bundle)


def test_a_truncated_adapter_is_refused(bundle):
    file = bundle / "adapter" / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(BundleError, match="adapter differs"):
        open_bundle(bundle)


def test_missing_parts_are_named(bundle, tmp_path):
    with pytest.raises(BundleError, match=PASSPORT):
        open_bundle(tmp_path / "nowhere")
    (bundle / "adapter" / "adapter_model.safetensors").unlink()
    (bundle / "adapter" / "adapter_config.json").unlink()
    with pytest.raises(BundleError, match="adapter: none of"):
        open_bundle(bundle)


def test_model_id_moves_with_what_decides_a_logit_only(bundle):
    before = open_bundle(bundle).model_id()
    edit_passport(bundle, temperature=3.0, metrics={}, notice="other", probes=[])
    assert open_bundle(bundle).model_id() == before
    edit_risk_head(bundle, scale=[3.0] * 12, offset=[1.0] * 12, thresholds=[0.2] * 12, probes=[])
    assert open_bundle(bundle).model_id() == before
    assert open_bundle(bundle).model_id("bfloat16") != before
    edit_passport(bundle, max_tokens=95)
    assert open_bundle(bundle).model_id() != before


def test_the_shipped_bundle_is_small_and_complete():
    path = embedded_path()
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    assert size <= SHIPPED_MEGABYTES * 1e6
    passport = open_bundle(path).passport
    assert passport.can_explain is False
    assert date.fromisoformat(passport.base.text_seen_until) <= date.fromisoformat(passport.adapter.text_seen_until)
    assert {source.use for source in passport.training_data} == {"base", "adapter"}
    assert len(passport.probes) >= 5
    for file in ("LICENSE", "README.md"):
        assert "non-commercial" in (path / file).read_text()


def test_opening_a_bundle_needs_no_torch():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from sentfeat.score import prompt, lexicon, predictor\n"
        "from sentfeat.score.bundle import embedded_path, open_bundle\n"
        "print(open_bundle(embedded_path()).slug())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("embedded-")


def test_the_model_card_shows_both_tasks_and_marks_silver_labels(tiny_bundle):
    card = (tiny_bundle / "README.md").read_text()
    assert "The bundle, unlike the code, is for tests only" in card
    assert "| made up | 12 |" in card
    assert "| made up (silver) | 12 | 2 |" in card
    assert "(8)" in next(line for line in card.splitlines() if "| litigation_regulatory" in line)
    assert "| climate_esg | - |" in card
