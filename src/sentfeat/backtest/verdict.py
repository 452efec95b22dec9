"""The rule that turns the evidence into one of five words, fixed before any data is seen."""

from dataclasses import dataclass
from enum import StrEnum

from sentfeat.backtest.inference import MeanTest
from sentfeat.backtest.probes import FAILED, UNKNOWN, Probe


class Word(StrEnum):
    """What the backtest says."""

    INVALID = "INVALID"
    UNVERIFIED = "UNVERIFIED TIMING"
    NO = "NOT DISTINGUISHABLE"
    INFORMATIVE = "INFORMATIVE BUT NOT TRADABLE"
    YES = "ADDS VALUE NET OF COST"


@dataclass(frozen=True)
class Evidence:
    """All that the rule looks at. `net` is the augmented book after the verdict's cost, `net_gain` what it earns more
    than the baseline's book; `detectable` is the effect with 80 % power, None if larger than any tried."""

    probes: list[Probe]
    primary: MeanTest
    placebo_p: float
    net: MeanTest
    net_gain: MeanTest
    detectable: float | None
    significance: float
    cost_bp: float

    @property
    def informative(self) -> bool:
        return self.primary.p <= self.significance and self.placebo_p <= self.significance

    @property
    def tradable(self) -> bool:
        return self.net.p <= self.significance and self.net_gain.p <= self.significance


def decide(evidence: Evidence) -> tuple[Word, str]:
    """The word, and a paragraph that gives the reason with its numbers."""
    failed = [probe for probe in evidence.probes if probe.status == FAILED]
    if failed:
        reasons = "; ".join(f"{probe.name}: FAILED ({probe.detail})" for probe in failed)
        return Word.INVALID, f"A structural check failed, so none of the numbers below can be trusted. {reasons}."
    unknown = [probe for probe in evidence.probes if probe.status == UNKNOWN]
    if unknown:
        return Word.UNVERIFIED, (
            "The feature table does not say when its values were known "
            f"({unknown[0].detail}), so look-ahead cannot be ruled out. The numbers below hold only if its timing does."
        )
    if not evidence.informative:
        return Word.NO, f"{_test(evidence)} {_power(evidence)}"
    if not evidence.tradable:
        paragraph = f"{_test(evidence)} {_money(evidence)} The information is there, but smaller than the cost."
        return Word.INFORMATIVE, paragraph
    return Word.YES, f"{_test(evidence)} {_money(evidence)}"


def _test(e: Evidence) -> str:
    answer = "The text improves the forecast" if e.informative else "The text does not show that it helps"
    return (
        f"{answer}: over {e.primary.n} test sessions the Clark-West statistic is t = {e.primary.t:.2f} "
        f"(one-sided p {_p(e.primary.p)}) and the placebo p is {_p(e.placebo_p)}; "
        f"a yes needs both at or below {e.significance:g}."
    )


def _power(e: Evidence) -> str:
    if e.detectable is None:
        return "None of the effect sizes simulated is found reliably: there is too little data for an answer."
    return (
        "That is not proof of no effect: this panel finds a correlation between tone and return of "
        f"{e.detectable:.3f} in 80 of 100 cases; smaller ones mostly go unseen."
    )


def _money(e: Evidence) -> str:
    return (
        f"At {e.cost_bp:g} bp per trade the long-short book of the augmented model earns {e.net.mean * 1e4:+.1f} bp "
        f"a day (t = {e.net.t:.2f}), {e.net_gain.mean * 1e4:+.1f} bp a day more than the baseline's book "
        f"(t = {e.net_gain.t:.2f})."
    )


def _p(value: float) -> str:
    return "below 0.001" if value < 0.001 else f"{value:.3f}"
