"""The filing columns computed again, apart from the package: plain loops over one security and session at a time."""

import math
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
CHANGES = ("rf_dlen", "rf_change_cos", "rf_change_jac", "rf_added_share", "rf_removed_share")


class FilingOracle:
    """filings, passages: dicts. days: all sessions. known_at: day -> time. reads: (begin, end) of what was read."""

    def __init__(self, filings, passages, days, known_at, reads, facts, events):
        self.days, self.known_at, self.reads, self.facts, self.events = days, known_at, reads, facts, events
        self.filings = [f | {"at": self.place(f["available_at"])} for f in filings]
        self.passages = [p | {"at": self.place(p["available_at"])} for p in passages]

    def place(self, time):
        """The position of the first session that knows something available at `time`."""
        return next(at for at, day in enumerate(self.days) if time <= self.known_at[day])

    def row(self, security, day):
        at = self.days.index(day)
        own = [f for f in self.filings if f["security_id"] == security and f["at"] <= at]
        return {
            **self.report(own, at),
            **self.since(own, at, day),
            **self.counts(own, at, day),
            "filing_sent_mean": self.tone(security, at),
        }

    def report(self, own, at):
        usable = []
        for f in own:
            if amends(f) and (f["rf_len"] is None or f["period"] is None):
                continue
            if f["at"] > at - 315 and kind(f) in ("10-K", "10-Q"):
                local = f["available_at"].astimezone(NEW_YORK).replace(tzinfo=None)
                usable.append((f["period"] or local, f["available_at"], f["accession"], f))
        chosen = max(usable, key=lambda u: u[:3])[3] if usable else dict.fromkeys(self.facts)
        row = {name: chosen[name] for name in self.facts}
        for name in CHANGES:
            row[name + "_qdm"] = None
            if chosen[name] is not None:
                alike = {f["accession"]: f[name] for f in self.filings
                         if f["at"] <= at and not amends(f) and kind(f) == kind(chosen)
                         and quarter(f) == quarter(chosen) and f[name] is not None}  # fmt: skip
                if len(alike) >= 3:
                    row[name + "_qdm"] = chosen[name] - sum(alike.values()) / len(alike)
        return row

    def read_since(self, day):
        return next((begin for begin, end in self.reads if begin <= self.known_at[day] <= end), None)

    def since(self, own, at, day):
        row, read = {}, self.read_since(day)
        for form in ("10-K", "10-Q", "8-K"):
            seen = [f for f in own if kind(f) == form and not amends(f) and f["at"] > at - 315]
            newest = max(seen, key=lambda f: (f["available_at"], f["accession"]), default=None)
            name = "days_since_" + form.lower().replace("-", "")
            row[name] = None
            if newest and read and read <= newest["available_at"]:
                row[name] = (day - newest["available_at"].astimezone(NEW_YORK).date()).days
        return row

    def counts(self, own, at, day):
        read = self.read_since(day)

        def whole(memory):
            return read is not None and read <= self.known_at[self.days[at - memory]]

        row = {}
        for item in self.events:
            recent = [f for f in own if kind(f) == "8-K" and not amends(f) and f["at"] > at - 21]
            hits = sum(item in (f["items"] or "").split(",") for f in recent)
            row["f8k_" + item.replace(".", "_") + "_21d"] = hits if whole(21) else None
        late = any(f["form"].startswith("NT 10") and f["at"] > at - 63 for f in own)
        row["filing_late"] = late if whole(63) else None
        return row

    def tone(self, security, at):
        total = weights = 0.0
        for p in self.passages:
            if p["security_id"] == security and p["p"] and at - 63 < p["at"] <= at:
                sure = 1 + sum(q * math.log(q) for q in p["p"] if q > 0) / math.log(3)
                weight = sure * 0.5 ** ((at - p["at"]) / 21)
                total += weight * (p["p"][2] - p["p"][0])
                weights += weight
        return total / weights if weights else None


def kind(filing):
    return next((k for k in ("10-K", "10-Q", "8-K", "NT 10") if filing["form"].startswith(k)), "")


def amends(filing):
    return filing["form"].endswith("/A")


def quarter(filing):
    local = filing["available_at"].astimezone(NEW_YORK)
    return local.year, (local.month - 1) // 3
