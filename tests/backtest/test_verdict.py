from dataclasses import replace

import pytest

from sentfeat.backtest.inference import MeanTest
from sentfeat.backtest.probes import FAILED, PASSED, UNKNOWN, Probe
from sentfeat.backtest.verdict import Evidence, Word, decide

STRONG = MeanTest(0.001, 0.0002, 5.0, 0.0001, 400, 5)
WEAK = MeanTest(0.0001, 0.0002, 0.5, 0.31, 400, 5)
YES = Evidence(
    probes=[Probe("timing", PASSED, 9, "rows", "fine")],
    primary=STRONG,
    placebo_p=0.01,
    net=STRONG,
    net_gain=STRONG,
    detectable=0.03,
    significance=0.05,
    cost_bp=5.0,
)


def with_probe(status: str) -> Evidence:
    return replace(YES, probes=[Probe("timing", status, 9, "rows", "3 rows late")])


@pytest.mark.parametrize(
    ("evidence", "word"),
    [
        (YES, Word.YES),
        (with_probe(FAILED), Word.INVALID),
        (with_probe(UNKNOWN), Word.UNVERIFIED),
        (replace(YES, primary=WEAK), Word.NO),
        (replace(YES, placebo_p=0.06), Word.NO),
        (replace(YES, net=WEAK), Word.INFORMATIVE),
        (replace(YES, net_gain=WEAK), Word.INFORMATIVE),
    ],
)
def test_the_rule(evidence, word):
    assert decide(evidence)[0] == word


def test_a_no_says_what_could_have_been_seen():
    assert "0.030" in decide(replace(YES, primary=WEAK))[1]
    assert "too little data" in decide(replace(YES, primary=WEAK, detectable=None))[1]


def test_an_invalid_names_the_check_and_what_it_found():
    assert "timing: FAILED (3 rows late)" in decide(with_probe(FAILED))[1]
