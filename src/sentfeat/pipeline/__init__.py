"""The only joiner of stages, in plain Python: flows wrap these steps in tasks, the command line calls them directly.

    project = open_project("data/sample.toml")
    ingest_window(project, span, now)               sources -> documents, links, coverage, quarantine
    replay(project, archive)                        the same from what the web said then
    update_prices(project, first, last, now)        price source -> prices, quarantine
    score_window(project, span)                     documents, links -> scores
    build_features(project, first, last, cutoffs, now)  documents, links, scores, coverage -> features
    backtest_range(project, first, last)            features, prices -> report
    report_coverage(project, now)                   coverage, quarantine -> what is missing and why
    relink(project, now)                            documents -> links, after a change of the universe
    migrate(project, now)                           features of an older sentfeat -> the same with today's columns

Each step can be repeated at any time: what is done is recognised by its inputs and not done again.
"""

from sentfeat.pipeline.backtest import BacktestReport, backtest_range, published_range
from sentfeat.pipeline.backtest import Options as BacktestOptions
from sentfeat.pipeline.coverage import CoverageReport, report_coverage
from sentfeat.pipeline.features import BuildReport, build_features
from sentfeat.pipeline.ingest import SourceReport, ingest_window
from sentfeat.pipeline.migrate import Migration, migrate
from sentfeat.pipeline.night import idle_reason, plan_night
from sentfeat.pipeline.plan import Chunk, Plan, plan_poll, plan_range, plan_session
from sentfeat.pipeline.prices import PriceReport, update_prices
from sentfeat.pipeline.project import Project, open_project
from sentfeat.pipeline.relink import RelinkReport, relink
from sentfeat.pipeline.replay import replay
from sentfeat.pipeline.score import ScoreReport, count_open, score_window
from sentfeat.pipeline.upkeep import TidyReport, tidy

__all__ = [
    "BacktestOptions",
    "BacktestReport",
    "BuildReport",
    "Chunk",
    "CoverageReport",
    "Migration",
    "Plan",
    "PriceReport",
    "Project",
    "RelinkReport",
    "ScoreReport",
    "SourceReport",
    "TidyReport",
    "backtest_range",
    "build_features",
    "count_open",
    "idle_reason",
    "ingest_window",
    "migrate",
    "open_project",
    "plan_night",
    "plan_poll",
    "plan_range",
    "plan_session",
    "published_range",
    "relink",
    "replay",
    "report_coverage",
    "score_window",
    "tidy",
    "update_prices",
]
