"""README.md and LICENSE of a bundle, written from its passport alone."""

from sentfeat.categories import RISKS
from sentfeat.score.bundle import Passport

SENTIMENT_COLUMNS = ("n", "accuracy", "macro_f1", "mcc", "ece", "nll")
RISK_COLUMNS = ("n", "categories", "macro_f1", "micro_f1", "brier")
RISK_SET = "risk: "
"""How the metrics of a set for the risk task are named; those of other sets are for sentiment."""


def model_card(passport: Passport) -> str:
    """README.md of a bundle."""
    data = _table(
        ("set", "used for", "rows", "licence"),
        [(source.name, source.use, f"{source.rows:,}", source.licence) for source in passport.training_data],
    )
    moods = {name: values for name, values in passport.metrics.items() if not name.startswith(RISK_SET)}
    results = _table(("set", *SENTIMENT_COLUMNS), _numbers(moods, SENTIMENT_COLUMNS))
    return f"""# {passport.name}

Reads a financial headline or sentence and says how positive, neutral or negative it is, for the text as a whole or for
one company named in it{", and which of twelve kinds of risk it speaks of" if passport.risk else ""}. A small Mistral
({passport.base.id}; {passport.quantisation}) with a LoRA adapter.

The bundle, unlike the code, is {passport.notice}.

## Limits
English, one or a few sentences (at most {passport.max_tokens} tokens; longer texts are cut). It knows words, not
businesses: irony, numbers that need a calculation and news about rivals are read poorly. It gives no explanations in
words. The base has seen text until {passport.base.text_seen_until}, the adapter until
{passport.adapter.text_seen_until}: tests on earlier text are not free of look-ahead by the model.

## Data
{data}

## Sentiment on held-out near-duplicate groups
{results}

Probabilities are calibrated with temperature {passport.temperature} on other held-out rows.
{risk_section(passport) if passport.risk else ""}"""


def risk_section(passport: Passport) -> str:
    """The part of the card about risks: results by set and by category."""
    sets = {
        name.removeprefix(RISK_SET): values for name, values in passport.metrics.items() if name.startswith(RISK_SET)
    }
    categories = [(risk, *(_f1(values, risk) for values in sets.values())) for risk in RISKS]
    return f"""
## Risks on held-out groups
{_table(("set", *RISK_COLUMNS), _numbers(sets, RISK_COLUMNS))}

F1 by category (and how many rows have it):

{_table(("category", *sets), categories)}

A silver set is labelled by rules, not by reading: a result on it says how well the rules are imitated. macro_f1 is over
the categories that occur in a set. A category's logit is the network's, and {passport.risk.cue:g} more where one of its
keywords occurs; that weight, one scale, and an offset and a threshold for each category were fitted on other held-out
rows. A probability is right on average for texts like those rows, and rarer or more frequent risks elsewhere shift it.
"""


def licence_text(passport: Passport) -> str:
    """LICENSE of a bundle: the code's licence does not cover weights made from such data."""
    sources = "\n".join(f"  - {source.name}: {source.licence}" for source in passport.training_data)
    return f"""The model weights in this folder ({passport.name}) are {passport.notice}.

They were trained on:
{sources}

They may be used for research and other non-commercial purposes only, with attribution to these sources, and shared
under the same terms. No warranty of any kind is given. The code of sentfeat has its own licence (Apache-2.0), which
does not extend to this folder.
"""


def _table(head: tuple[str, ...], body: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _numbers(metrics: dict[str, dict[str, float]], columns: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [
        (name, *(f"{values[column]:.3f}".removesuffix(".000") for column in columns))
        for name, values in metrics.items()
    ]


def _f1(values: dict[str, float], risk: str) -> str:
    positives = int(values[f"positives_{risk}"])
    return f"{values[f'f1_{risk}']:.3f} ({positives})" if positives else "-"
