"""Every table, declared once: its columns with types, units, meaning and null rules, its key (see sentfeat.schema)."""

import pyarrow as pa

from sentfeat.categories import RISKS
from sentfeat.schema import COUNT, DAY, FLAG, NUMBER, TEXT, UTC, Column, Table

SECURITY = Column("security_id", TEXT, "permanent id: CIK and share class, or the user's own")
SESSION = Column("session", DAY, "exchange session in which the row can be traded")
NO_SCORED = "no scored item in the window"
UNPARSED = "no 10-K or 10-Q in the last 315 sessions, or the latest one's Item 1A is omitted or not ok"
NO_PRIOR = UNPARSED + ", or no ok Item 1A of the filing before"
NO_FILINGS_READ = "no source of filings was read without a gap over that time"

EVENTS = {
    "1.01": "a material agreement",
    "1.03": "bankruptcy",
    "1.05": "a material cybersecurity incident",
    "2.02": "results",
    "2.04": "an obligation that was accelerated",
    "2.05": "costs of an exit or restructuring",
    "2.06": "a material impairment",
    "3.01": "notice of delisting",
    "4.01": "a change of auditor",
    "4.02": "earlier statements not to be relied upon",
    "5.02": "directors or officers leaving or coming",
}
"""The 8-K items that are counted, and what each reports."""

CHANGES = ("rf_dlen", "rf_change_cos", "rf_change_jac", "rf_added_share", "rf_removed_share")
"""What is also given less its filing quarter's mean: Regulation S-K's Item 105 of 2020 changed everyone's Item 1A."""

UNIVERSE = Table(
    "universe",
    "Which securities exist, what they are called, and when they were listed.",
    ("security_id", "valid_from"),
    (
        SECURITY,
        Column("ticker", TEXT, "symbol in that period"),
        Column("name", TEXT, "the entity that the model is asked about"),
        Column("aliases", TEXT, "other names, separated by |", "none"),
        Column("sector", TEXT, "sector", "unknown"),
        Column("cik", pa.int64(), "SEC's central index key", "not an SEC filer"),
        Column("valid_from", DAY, "first session listed under this symbol"),
        Column("valid_to", DAY, "last session listed under this symbol", "still listed"),
    ),
)

DOCUMENTS = Table(
    "documents",
    "Every text that came in, once, with the three times that decide what it may be used for.",
    ("document_id",),
    (
        Column("document_id", TEXT, "hash of source, canonical URL (or accession, or own id) and content"),
        Column(
            "kind",
            TEXT,
            "headline; filing (one a filing); filing_section (a section of a 10-K or 10-Q, whole); filing_item (an "
            "item of an 8-K, whole); filing_passage (a piece of an ok section or item). "
            "Only headline and filing_passage are scored",
        ),
        Column("source", TEXT, "the source's name in the configuration"),
        Column("publisher", TEXT, "who wrote it", "unknown"),
        Column("url", TEXT, "canonical address", "none given"),
        Column("title", TEXT, "headline, or filer, form and section"),
        Column("text", TEXT, "what is scored; of a section that is not ok the beginning, empty if it was not found"),
        Column("text_hash", TEXT, "hash of the normalised text"),
        Column("published_at", UTC, "time stated by the publisher", unit="UTC"),
        Column("published_raw", TEXT, "the same as it was written", "the source gave a time, not a string"),
        Column(
            "published_basis",
            TEXT,
            "what a filing's published_at rests on: header (SGML header, New York clock), late_bound (only the "
            "submissions JSON was there: the later of its two readings, never early), date_only",
            "no filing",
        ),
        Column("tags", TEXT, "symbols that the source gave it, separated by |; empty for none", "it tags nothing"),
        Column("first_seen_at", UTC, "when it first reached this lake", unit="UTC"),
        Column("available_at", UTC, "when it may be known", unit="UTC"),
        Column("pit_grade", TEXT, "A seen live, B archive with a delay, C date only"),
        Column("cik", pa.int64(), "filer", "no filing"),
        Column("form", TEXT, "form type", "no filing"),
        Column("accession", TEXT, "accession number", "no filing"),
        Column(
            "period", DAY, "end of the fiscal period; of an 8-K the day of what it reports", "no filing, or unknown"
        ),
        Column("amends", TEXT, "accession of the filing that this one amends", "no amendment, or not paired"),
        Column("prior_accession", TEXT, "the filer's filing before, same form, earlier period", "no filing, or none"),
        Column(
            "section",
            TEXT,
            "item: 1A or 7, of a 10-Q 1A or 2 (discussion), of an 8-K 2.02 and the like; of the filing itself all "
            "8-K items, with commas",
            "no filing, or no 8-K",
        ),
        Column(
            "section_verdict",
            TEXT,
            "ok, stub, cross_reference, oversize, missing or unverifiable; all but ok are to be read as null",
            "no section",
        ),
    ),
    order=("available_at", "document_id"),
)

LINKS = Table(
    "links",
    "Which document is about which security; a later linking adds rows, the newest of a pair holds.",
    ("document_id", "security_id", "linked_at"),
    (
        Column("document_id", TEXT, "the document"),
        SECURITY,
        Column("ticker", TEXT, "symbol as of then"),
        Column("entity", TEXT, "the name put into the question"),
        Column("relevance", NUMBER, "how much the text is about it", unit="0 to 1"),
        Column("method", TEXT, "source_tag, name_match, cik, or withdrawn: no longer linked, by a newer universe"),
        Column("universe_hash", TEXT, "the universe that was linked against"),
        Column("linked_at", UTC, "when", unit="UTC"),
        Column("available_at", UTC, "the document's", unit="UTC"),
    ),
    order=("available_at", "document_id", "security_id", "linked_at"),
)

SCORES = Table(
    "scores",
    "What a model said of a text and an entity; whichever feeds carried the text, it is scored once.",
    ("text_hash", "entity_hash", "model_id", "task"),
    (
        Column("text_hash", TEXT, "hash of the normalised text"),
        Column("entity_hash", TEXT, "hash of the entity asked about; empty for none, as in every risk score"),
        Column("model_id", TEXT, "hash of base, adapter, tokenizer, template, labels, quantisation, numeric mode"),
        Column("task", TEXT, "sentiment (3 labels) or risk (12 categories)"),
        Column("logits", pa.list_(pa.float32()), "logits in the order of the passport, before any calibration"),
        Column("status", TEXT, "ok, or empty (nothing was left to read: all logits are NaN)"),
    ),
)

PRICES = Table(
    "prices",
    "Daily bars; a later revision is a further row, so that the past can be read as it was.",
    ("security_id", "session", "revision_seen_at"),
    (
        SECURITY,
        SESSION,
        Column("revision_seen_at", UTC, "when this version of the bar reached the lake", unit="UTC"),
        *(Column(name, NUMBER, f"{name} price", unit="currency") for name in ("open", "high", "low", "close")),
        Column("volume", NUMBER, "shares traded", "not reported", unit="shares"),
        Column("price_basis", TEXT, "raw, or adjusted_asof: split- and dividend-adjusted as of a date"),
        Column("adjusted_asof_date", DAY, "that date", "raw basis, or unknown"),
        Column("source", TEXT, "where the bar came from"),
    ),
)

COVERAGE = Table(
    "coverage",
    "Each attempt to read a source: which span of publication time it accounts for, and what went wrong.",
    ("source", "attempt_id"),
    (
        Column("source", TEXT, "the source's name in the configuration"),
        Column("attempt_id", TEXT, "id of the attempt"),
        Column("attempted_at", UTC, "when", unit="UTC"),
        Column("window_start", UTC, "begin of the span asked for, excluded", unit="UTC"),
        Column("window_end", UTC, "end of the span asked for, included", unit="UTC"),
        Column("covered_start", UTC, "begin of what is accounted for", "nothing is", unit="UTC"),
        Column("covered_end", UTC, "end of what is accounted for", "nothing is", unit="UTC"),
        Column("polled", FLAG, "read live; otherwise read afterwards, as an archive"),
        Column("ok", FLAG, "the source answered"),
        Column("required", FLAG, "a session without it is not covered"),
        Column("items", COUNT, "items read"),
        Column("documents", COUNT, "of these, new"),
        Column("reason", TEXT, "what went wrong", "nothing"),
    ),
)

QUARANTINE = Table(
    "quarantine",
    "What could not be dated, parsed or trusted: kept with the reason, never silently dropped.",
    ("row_hash",),
    (
        Column("row_hash", TEXT, "hash of source, reason and payload"),
        Column("source", TEXT, "the source's name in the configuration"),
        Column("reason", TEXT, "one word for counting"),
        Column("detail", TEXT, "what exactly"),
        Column("payload", TEXT, "the row as it came, JSON"),
        Column("seen_at", UTC, "when", unit="UTC"),
    ),
)

REPORTS = Table(
    "reports",
    "What the Item 1A of a 10-K or 10-Q says against that of the filing before; computed once and kept.",
    ("document_id", "prior_document_id", "method"),
    (
        Column("document_id", TEXT, "the section"),
        Column("prior_document_id", TEXT, "the section of the filing before; empty for none"),
        Column("method", TEXT, "hash of the measures and the word lists"),
        Column("available_at", UTC, "the document's", unit="UTC"),
        Column("words", COUNT, "words", "none", "words"),
        Column("prior_words", COUNT, "words of the filing before", "no filing before", "words"),
        *(
            Column(name, NUMBER, f"as rf_{name} of the features", "no filing before", "0 to 1")
            for name in ("change_cos", "change_jac", "added_share", "removed_share")
        ),
        *(
            Column(name, NUMBER, f"as {name} of the features", "no word lists", "0 to 1")
            for name in ("lm_neg", "lm_unc", "lm_lit")
        ),
    ),
)

REPORT_RISKS = Table(
    "report_risks",
    "Mean risk probabilities of the passages of an Item 1A, once all of them are scored; computed once and kept.",
    ("document_id", "method"),
    (
        Column("document_id", TEXT, "the section"),
        Column("method", TEXT, "hash of the model and its calibration"),
        Column("available_at", UTC, "the document's", unit="UTC"),
        *(Column(f"rf_risk_{risk}", NUMBER, f"mean probability of {risk}", unit="0 to 1") for risk in RISKS),
    ),
)

FEATURES = Table(
    "features",
    "One row per security listed in the session: what its news said by the cut-off.",
    ("session", "security_id"),
    (
        SESSION,
        SECURITY,
        Column("ticker", TEXT, "symbol as of the session"),
        Column("sector", TEXT, "sector as of the session", "unknown"),
        Column("cutoff", TEXT, "evening or pre_open"),
        Column("known_at", UTC, "no document later than this is in the row", unit="UTC"),
        Column("tradable_at", UTC, "the session's open", unit="UTC"),
        Column("coverage_ok", FLAG, "every required source was read for the whole window"),
        Column("sources_ok_share", NUMBER, "share of sources read for the whole window", unit="0 to 1"),
        Column("has_news", FLAG, "any item in the window", "not coverage_ok"),
        Column("n_news", COUNT, "items in the window", "not coverage_ok", unit="items"),
        Column("n_clusters", COUNT, "near-duplicate clusters among them", "not coverage_ok", unit="clusters"),
        Column("n_sources", COUNT, "distinct publishers among them", "not coverage_ok", unit="publishers"),
        Column("sent_mean", NUMBER, "weighted mean tone, sum(w s) / sum(w)", NO_SCORED + ", or sum(w) = 0", "-1 to 1"),
        Column("sent_sum", NUMBER, "sum(w s)", NO_SCORED),
        Column(
            "sent_net_share", NUMBER, "(n_pos - n_neg) / n by likeliest label, neutral at a tie", NO_SCORED, "-1 to 1"
        ),
        Column("sent_min", NUMBER, "lowest tone of an item", NO_SCORED, "-1 to 1"),
        Column("sent_max", NUMBER, "highest tone of an item", NO_SCORED, "-1 to 1"),
        Column("sent_disp", NUMBER, "weighted standard deviation of tone", "fewer than 2 scored items", "0 to 1"),
        Column(
            "sent_disagree", NUMBER, "1 - |n_pos - n_neg| / (n_pos + n_neg)", "fewer than 2 non-neutral items", "0 to 1"
        ),
        Column("sent_conf_mean", NUMBER, "mean confidence, 1 - H(p) / ln 3", NO_SCORED, "0 to 1"),
        Column("rel_mean", NUMBER, "mean relevance", NO_SCORED, "0 to 1"),
        Column("sent_overnight", NUMBER, "sent_mean after the close before", "none in that part", "-1 to 1"),
        Column("sent_intraday", NUMBER, "sent_mean up to the close before", "none in that part", "-1 to 1"),
        Column(
            "sent_novel",
            NUMBER,
            "sent_mean over items that repeat nothing of the last 5 sessions",
            "no such scored item",
            "-1 to 1",
        ),
        Column("novelty_mean", NUMBER, "mean novelty", NO_SCORED, "0 to 1"),
        Column("buzz", NUMBER, "ln(1 + n_news)", "not coverage_ok"),
        Column(
            "buzz_abn",
            NUMBER,
            "(n_news - mean) / max(sd, 1) of the covered sessions among the 60 before in which it was listed",
            "not coverage_ok, or fewer than 40 such sessions",
        ),
        *(
            Column(
                f"sent_ewma_{half_life}",
                NUMBER,
                f"sent_mean averaged over the last 63 sessions, weights halving every {half_life}; "
                "a covered session without news counts as 0, one whose news have no sent_mean is left out, as is one "
                "that is not covered",
                "no sent_mean in the last 63 sessions, or this session is not covered and has none",
                "-1 to 1",
            )
            for half_life in (1, 3, 10)
        ),
        Column("sent_surprise", NUMBER, "sent_mean - sent_ewma_10 of the session before", "either is null", "-2 to 2"),
        Column("sent_mom", NUMBER, "sent_ewma_3 - sent_ewma_10", "either is null", "-2 to 2"),
        Column(
            "sent_rel_sector",
            NUMBER,
            "sent_mean - mean of the sector's other securities in the session",
            "fewer than 3 others with tone",
            "-2 to 2",
        ),
        Column(
            "sessions_since_news",
            COUNT,
            "sessions since the last item, 0 if this window has one",
            "none in the last 252 sessions, or a session since then was not covered",
            "sessions",
        ),
        *(
            Column(
                f"news_risk_{risk}",
                NUMBER,
                f"weighted mean probability of the risk {risk}, sum(w p) / sum(w)",
                "no item in the window scored for tone and risk, or sum(w) = 0",
                "0 to 1",
            )
            for risk in RISKS
        ),
        Column(
            "filing_sent_mean",
            NUMBER,
            "mean tone of the passages of MD&A and 8-K items of the last 63 sessions, weights confidence, halving "
            "every 21 sessions",
            "no scored passage",
            "-1 to 1",
        ),
        Column("rf_len", NUMBER, "ln words of the latest 10-K's or 10-Q's Item 1A", UNPARSED),
        Column("rf_dlen", NUMBER, "rf_len less that of the filer's filing of the same form before", NO_PRIOR),
        Column("rf_change_cos", NUMBER, "1 - cosine of the word counts with the filing before", NO_PRIOR, "0 to 1"),
        Column("rf_change_jac", NUMBER, "1 - Jaccard of the sets of words with the filing before", NO_PRIOR, "0 to 1"),
        Column("rf_added_share", NUMBER, "share of sentences that the filing before has not", NO_PRIOR, "0 to 1"),
        Column("rf_removed_share", NUMBER, "share of the filing before's sentences that are gone", NO_PRIOR, "0 to 1"),
        *(
            Column(
                f"{name}_qdm",
                NUMBER,
                f"{name} less the mean over all filings of the same form in the same calendar quarter, known by then",
                NO_PRIOR + ", or fewer than 3 such filings",
            )
            for name in CHANGES
        ),
        *(
            Column(
                f"rf_risk_{risk}",
                NUMBER,
                f"mean probability of the risk {risk} over the passages of Item 1A",
                UNPARSED + ", or its passages are not all scored",
                "0 to 1",
            )
            for risk in RISKS
        ),
        *(
            Column(
                f"rf_drisk_{risk}",
                NUMBER,
                f"rf_risk_{risk} less that of the filing before",
                NO_PRIOR + ", or the passages of either are not all scored",
                "-1 to 1",
            )
            for risk in RISKS
        ),
        *(
            Column(
                f"lm_{short}",
                NUMBER,
                f"share of the words of Item 1A in the Loughran-McDonald {long} list",
                UNPARSED + ", or no word lists are configured",
                "0 to 1",
            )
            for short, long in (("neg", "negative"), ("unc", "uncertainty"), ("lit", "litigious"))
        ),
        *(
            Column(
                f"days_since_{form.lower().replace('-', '')}",
                COUNT,
                f"calendar days from the latest {form} to the session",
                f"none in the last 315 sessions, or {NO_FILINGS_READ}",
                "days",
            )
            for form in ("10-K", "10-Q", "8-K")
        ),
        *(
            Column(
                f"f8k_{item.replace('.', '_')}_21d",
                COUNT,
                f"8-Ks of the last 21 sessions with item {item}, {what}",
                NO_FILINGS_READ,
                "filings",
            )
            for item, what in EVENTS.items()
        ),
        Column("filing_late", FLAG, "a notice of late filing (NT form) in the last 63 sessions", NO_FILINGS_READ),
        Column(
            "pit_grade_worst",
            TEXT,
            "worst timing grade of the news and filings in the window: C before B before A",
            "no document",
        ),
    ),
    order=("session", "ticker", "security_id"),
)

TABLES = {
    table.name: table
    for table in (
        UNIVERSE,
        DOCUMENTS,
        LINKS,
        SCORES,
        PRICES,
        COVERAGE,
        QUARANTINE,
        REPORTS,
        REPORT_RISKS,
        FEATURES,
    )
}
