"""The latent tone: what the sample market's news means, before it is put into words and into prices.

Each company has one standard normal number per row (the pre_open row of a session, see sessions.py). Texts express it
noisily, the bars of that session react to it by the planted effect, and only tests may look at it. The numbers of
different rows are independent: were they persistent, the same-session reaction to today's news would make today's
row, whose news is older, look predictive even at effect 0.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sentfeat import sessions

LAG = pd.Timedelta(minutes=15)  # the default of config.FeatureSettings, for which the effect is planted
LOADING = 0.9  # correlation of one story's tone with its row's
WORDING_NOISE = 0.35  # sd of what the choice of words adds to the tone of a story
NEUTRAL_BELOW = 0.5  # weaker tone is worded neutrally


@dataclass(frozen=True)
class Tone:
    """values: rows x companies, with one row more than `days` for news after the last cut-off."""

    values: np.ndarray
    days: pd.DatetimeIndex
    delay: pd.Timedelta

    def rows(self, published_at: pd.DatetimeIndex) -> np.ndarray:
        """The number of the row that may first contain a document published then."""
        available_at = pd.Series(published_at + self.delay)
        at = self.days.get_indexer(sessions.session_of(available_at, sessions.Cutoff.PRE_OPEN, LAG))
        return np.where(at < 0, len(self.days), at)

    def of(self, published_at: pd.DatetimeIndex, company: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The tone of texts about `company` (one number per text, or one column per company mentioned)."""
        rows = self.rows(published_at).reshape(-1, *(1,) * (company.ndim - 1))
        own = np.sqrt(1 - LOADING**2) * rng.standard_normal(company.shape)
        return LOADING * self.values[rows, company] + own


def draw(days: pd.DatetimeIndex, companies: int, delay: pd.Timedelta, rng: np.random.Generator) -> Tone:
    """Independent standard normal tone for each row and company."""
    return Tone(rng.standard_normal((len(days) + 1, companies)), days, delay)


def polarity(tone: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """-1, 0 or 1: whether a text of that tone is worded negatively, neutrally or positively."""
    heard = tone + WORDING_NOISE * rng.standard_normal(tone.shape)
    return np.where(np.abs(heard) < NEUTRAL_BELOW, 0, np.sign(heard)).astype(int)


def new_york(days: pd.DatetimeIndex, seconds: np.ndarray) -> pd.DatetimeIndex:
    """UTC of a clock in New York: naive days and seconds after their midnight."""
    local = pd.DatetimeIndex(days.to_numpy().astype("datetime64[s]") + seconds.astype("timedelta64[s]"))
    late = np.zeros(len(local), dtype=bool)  # the hour that comes twice in November: the second time
    return local.tz_localize(sessions.NEW_YORK, ambiguous=late, nonexistent="shift_forward").tz_convert("UTC")


def local_day(times: pd.Series) -> pd.DatetimeIndex:
    """The naive date in New York of each UTC time."""
    return pd.DatetimeIndex(times).tz_convert(sessions.NEW_YORK).tz_localize(None).normalize()
