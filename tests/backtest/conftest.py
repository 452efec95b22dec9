"""Two small markets and their backtests, run once: one where tone moves prices, one where it does not."""

import pytest

from sentfeat.backtest import BacktestResult, run
from sentfeat.backtest.intake import accept
from sentfeat.config import BacktestSettings
from tests.backtest.synthetic import market

QUICK = BacktestSettings(train_sessions=126, placebos=19, power_draws=4, bootstrap_draws=100, trees=False)


@pytest.fixture(scope="session")
def settings() -> BacktestSettings:
    return QUICK


@pytest.fixture(scope="session")
def planted_tables():
    return accept(*market(3, securities=20, sessions=360, effect=0.18, price_effect=0.05))[:2]


@pytest.fixture(scope="session")
def planted(planted_tables) -> BacktestResult:
    return run(*planted_tables, QUICK)


@pytest.fixture(scope="session")
def null_tables():
    return accept(*market(5, securities=20, sessions=360, effect=0.0, price_effect=0.12))[:2]


@pytest.fixture(scope="session")
def null(null_tables) -> BacktestResult:
    return run(*null_tables, QUICK)
