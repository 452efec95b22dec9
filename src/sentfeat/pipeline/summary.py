"""What a run did, for people: one line for the terminal, one page of Markdown for the run's artifact."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sentfeat.pipeline.features import BuildReport
from sentfeat.pipeline.ingest import SourceReport
from sentfeat.pipeline.prices import PriceReport
from sentfeat.pipeline.score import ScoreReport

MOST_BREACHES = 20


@dataclass(frozen=True)
class RunSummary:
    """The reports of all steps of one run over one lake."""

    lake: str
    ingested: Sequence[SourceReport] = ()
    prices: PriceReport = field(default_factory=PriceReport)
    scored: Sequence[ScoreReport] = ()
    built: Sequence[BuildReport] = ()
    note: str | None = None  # why nothing was done

    @property
    def documents(self) -> int:
        return sum(report.documents for report in self.ingested)

    @property
    def newly_scored(self) -> int:
        return sum(report.scored for report in self.scored)

    @property
    def outcomes(self) -> Counter[str]:
        """Sessions by what publishing them did."""
        return sum((Counter(report.outcomes) for report in self.built), Counter())

    @property
    def drops(self) -> Counter[str]:
        """Quarantined rows by source and reason."""
        drops: Counter[str] = Counter()
        for report in self.ingested:
            drops.update({f"{report.source}: {reason}": n for reason, n in report.rejected.items()})
        drops.update({f"prices: {reason}": n for reason, n in self.prices.rejected.items()})
        return drops

    @property
    def failures(self) -> dict[str, str]:
        """Sources that could not be read, and why; that of the prices as `prices of NAME`."""
        return {name: report.reason or "" for name, report in self._read if not report.ok}

    @property
    def problems(self) -> dict[str, str]:
        """Sources that could be read only in part, and why."""
        return {name: report.reason for name, report in self._read if report.ok and report.reason}

    @property
    def _read(self) -> list[tuple[str, SourceReport | PriceReport]]:
        texts = [(report.source, report) for report in self.ingested]
        return [*texts, (f"prices of {self.prices.source}", self.prices)]

    @property
    def refusals(self) -> list[str]:
        """Why sessions were not published, by quality.on_breach = "stop"."""
        return [refusal for report in self.built for refusal in report.refused]

    @property
    def is_new(self) -> bool:
        """Whether anything was added or changed."""
        changed = sum(n for outcome, n in self.outcomes.items() if outcome != "reused")
        return bool(self.documents or self.newly_scored or self.prices.new or changed)

    def line(self) -> str:
        """One line: what was written, what was dropped and why."""
        if self.note is not None:
            return self.note
        if not (self.is_new or self.failures or self.problems or self.refusals):
            return f"nothing was new: {self.outcomes['reused']} sessions stand as they were in {self.lake}"
        sessions = ", ".join(f"{n} {outcome}" for outcome, n in sorted(self.outcomes.items())) or "none"
        rows = sum(report.rows for report in self.built)
        parts = [
            f"{self.documents} new documents",
            f"{self.newly_scored} new scores",
            f"{self.prices.new} new bars",
            f"sessions: {sessions} ({rows} rows written)",
        ]
        if broken := sum(len(report.breaches) for report in self.built):
            parts.append(f"{broken} quality limits broken")
        parts += [f"quarantined {n} ({what})" for what, n in sorted(self.drops.items())]
        parts += [f"FAILED {source}: {reason}" for source, reason in self.failures.items()]
        parts += [f"IN PART {source}: {reason}" for source, reason in self.problems.items()]
        parts += [f"REFUSED {refusal}" for refusal in self.refusals]
        return "; ".join(parts)

    def markdown(self) -> str:
        """The run's page: sources, counts, drops by reason, tables written."""
        sections = [
            f"**{self.line()}**",
            _table("Sources", ("source", "items", "new documents", "links", "problem"), self._source_rows()),
            _table(
                "Dropped, by reason (all kept in the quarantine table)", ("what", "rows"), sorted(self.drops.items())
            ),
            _table("Written", ("table", "what", "rows"), self._written_rows()),
            _table("Unlike the sessions before (data quality)", ("what",), self._quality_rows()),
        ]
        return "\n\n".join(section for section in sections if section)

    def _source_rows(self) -> list[tuple[object, ...]]:
        rows = []
        for name in dict.fromkeys(report.source for report in self.ingested):
            reports = [report for report in self.ingested if report.source == name]
            sums = (sum(getattr(r, field) for r in reports) for field in ("items", "documents", "links"))
            problems = {report.reason for report in reports if report.reason}
            rows.append((name, *sums, "; ".join(sorted(problems)) or "none"))
        return rows

    def _quality_rows(self) -> list[tuple[object, ...]]:
        broken = [breach for report in self.built for breach in report.breaches]
        rows: list[tuple[object, ...]] = [(breach,) for breach in broken[:MOST_BREACHES]]
        if len(broken) > MOST_BREACHES:
            rows.append((f"and {len(broken) - MOST_BREACHES} more; each session's manifest has its own",))
        return rows

    def _written_rows(self) -> list[tuple[object, ...]]:
        rows: list[tuple[object, ...]] = [
            ("documents", "new", self.documents),
            ("links", "new", sum(report.links for report in self.ingested)),
            ("prices", f"new bars of {self.prices.source}", self.prices.new),
            ("scores", "questions about texts not answered before", self.newly_scored),
        ]
        for cutoff in dict.fromkeys(report.cutoff for report in self.built):
            reports = [report for report in self.built if report.cutoff == cutoff]
            sessions = sum(report.sessions for report in reports)
            rows.append(("features", f"{cutoff}, {sessions} sessions", sum(report.rows for report in reports)))
        return rows


def _table(title: str, head: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> str:
    if not rows:
        return ""
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return f"### {title}\n\n" + "\n".join(lines)
