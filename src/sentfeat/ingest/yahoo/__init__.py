"""Yahoo through yfinance: news (shallow, live only) and daily bars."""

from sentfeat.ingest.yahoo.bars import YahooBars
from sentfeat.ingest.yahoo.news import YahooNews, read_story

__all__ = ["YahooBars", "YahooNews", "read_story"]
