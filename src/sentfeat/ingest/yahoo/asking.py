"""One question to yfinance, with its habits undone.

Left to itself yfinance turns most failures into an empty answer; asked to raise, it does. "Too many requests" is
waited out twice, then it is an error of its own: whoever asks for many tickers has to stop there.
"""

import time
from collections.abc import Callable
from typing import TypeVar

import yfinance
from yfinance.exceptions import YFException, YFRateLimitError

from sentfeat.errors import SourceError

WAITS = (15.0, 60.0)  # seconds
FAULTS = (YFException, OSError, ValueError, KeyError, TypeError, AttributeError)  # it reads what came without looking
Answer = TypeVar("Answer")


class TooFast(SourceError):
    """Yahoo answers nobody for a while."""


def ask(what: str, question: Callable[[yfinance.Ticker], Answer], ticker: str) -> Answer:
    """The answer of a fresh Ticker to `question`. Raises TooFast or SourceError, which name `what` and the ticker."""
    for wait in WAITS:
        try:
            return _once(what, question, ticker)
        except YFRateLimitError:
            time.sleep(wait)
    try:
        return _once(what, question, ticker)
    except YFRateLimitError as error:
        raise TooFast(f"{what} of {ticker}: Yahoo is asked too often and answers nothing; try later") from error


def _once(what: str, question: Callable[[yfinance.Ticker], Answer], ticker: str) -> Answer:
    yfinance.config.debug.hide_exceptions = False
    try:
        return question(yfinance.Ticker(yahoo_symbol(ticker)))
    except YFRateLimitError:
        raise
    except FAULTS as error:
        raise SourceError(f"{what} of {ticker}: {error or type(error).__name__}") from error


def yahoo_symbol(ticker: str) -> str:
    """Share classes are written BRK-B there."""
    return ticker.replace(".", "-")
