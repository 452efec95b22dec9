"""The feature rows computed again, apart from the package: plain loops over one security and session at a time."""

import math
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

NEW_YORK, UTC = ZoneInfo("America/New_York"), ZoneInfo("UTC")


class Oracle:
    """items: dicts; days: all sessions as dates with their (open, close); covered: the dates that were read."""

    def __init__(self, items, days, hours, covered, listing, sector, cutoff, risks=()):
        self.risk_names = risks
        self.days, self.hours, self.covered, self.listing = days, hours, covered, listing
        self.sector, self.cutoff = sector, cutoff
        self.by_row, self._weighted = {}, {}
        for item in sorted(items, key=lambda i: (i["available_at"], i["document_id"])):
            day = next((d for d in days if self.known_at(d) and item["available_at"] <= self.known_at(d)), None)
            self.by_row.setdefault((item["security_id"], day), []).append(item)

    def known_at(self, day):
        if self.cutoff == "pre_open":
            return self.hours[day][0] - timedelta(minutes=15)
        at = self.days.index(day)
        if at == 0:
            return None
        before = self.days[at - 1]
        return datetime(before.year, before.month, before.day, 21, 45, tzinfo=NEW_YORK).astimezone(UTC)

    def row(self, security, day):
        at = self.days.index(day)
        items = self.by_row.get((security, day), [])
        covered = day in self.covered
        row = dict.fromkeys(
            "has_news n_news n_clusters n_sources buzz buzz_abn sent_mean sent_sum sent_net_share sent_min sent_max "
            "sent_disp sent_disagree sent_conf_mean rel_mean sent_overnight sent_intraday sent_novel novelty_mean "
            "pit_grade_worst".split()
        )
        row |= dict.fromkeys(self.risk_names)
        row["coverage_ok"] = covered
        if items:
            row["pit_grade_worst"] = max(i["pit_grade"] for i in items)
        if covered:
            row |= {"has_news": bool(items), "n_news": len(items), "buzz": math.log(1 + len(items))}
            row["n_clusters"] = self.clusters(items)
            row["n_sources"] = len({i["publisher"] for i in items})
            past = [len(self.by_row.get((security, d), [])) for d in self.days[max(0, at - 60) : at]
                    if d in self.covered and self.listed(security, d)]  # fmt: skip
            if len(past) >= 40:
                mean = sum(past) / len(past)
                sd = math.sqrt(sum((n - mean) ** 2 for n in past) / (len(past) - 1))
                row["buzz_abn"] = (len(items) - mean) / max(sd, 1)
        row |= self.tone(security, at, items)
        for half in (1, 3, 10):
            row[f"sent_ewma_{half}"] = self.ewma(security, at, half)
        prior = self.ewma(security, at - 1, 10) if at else None
        row["sent_surprise"] = minus(row["sent_mean"], prior)
        row["sent_mom"] = minus(row["sent_ewma_3"], row["sent_ewma_10"])
        peers = [self.mean(s, at) for s in self.sector if s != security and self.listed(s, day)
                 and self.sector[s] == self.sector[security]]  # fmt: skip
        peers = [p for p in peers if p is not None]
        row["sent_rel_sector"] = minus(row["sent_mean"], sum(peers) / len(peers)) if len(peers) >= 3 else None
        row["sessions_since_news"] = self.since(security, at)
        return row

    def listed(self, security, day):
        first, last = self.listing[security]
        return first <= day <= last

    def weighted(self, security, at):
        """(item, tone, confidence, novelty, weight) of the scored items of a row; kept, for speed only."""
        if (security, at) in self._weighted:
            return self._weighted[security, at]
        rows = self._weighted[security, at] = []
        for item in self.by_row.get((security, self.days[at]), []):
            if item["p"] is None:
                continue
            confidence = 1 + sum(q * math.log(q) for q in item["p"] if q > 0) / math.log(3)
            novelty = self.novelty(security, at, item)
            rows.append((item, item["p"][2] - item["p"][0], confidence, novelty,
                         item["relevance"] * confidence * novelty))  # fmt: skip
        return rows

    def mean(self, security, at, keep=lambda row: True):
        rows = [r for r in self.weighted(security, at) if keep(r)]
        total = sum(r[4] for r in rows)
        return sum(r[4] * r[1] for r in rows) / total if total > 0 else None

    def tone(self, security, at, items):
        rows = self.weighted(security, at)
        if not rows:
            return {}
        close_before = self.hours[self.days[at - 1]][1]
        labels = [[k for k in range(3) if r[0]["p"][k] == max(r[0]["p"])] for r in rows]
        up, down, n = labels.count([2]), labels.count([0]), len(rows)
        mean, total = self.mean(security, at), sum(r[4] for r in rows)
        spread = None
        if n >= 2 and total > 0:
            spread = math.sqrt(sum(r[4] * (r[1] - mean) ** 2 for r in rows) / total)
        return {
            "sent_mean": mean,
            "sent_sum": sum(r[4] * r[1] for r in rows),
            "sent_net_share": (up - down) / n,
            "sent_min": min(r[1] for r in rows),
            "sent_max": max(r[1] for r in rows),
            "sent_disp": spread,
            "sent_disagree": 1 - abs(up - down) / (up + down) if up + down >= 2 else None,
            "sent_conf_mean": sum(r[2] for r in rows) / n,
            "rel_mean": sum(r[0]["relevance"] for r in rows) / n,
            "novelty_mean": sum(r[3] for r in rows) / n,
            "sent_overnight": self.mean(security, at, lambda r: r[0]["available_at"] > close_before),
            "sent_intraday": self.mean(security, at, lambda r: r[0]["available_at"] <= close_before),
            "sent_novel": self.mean(security, at, lambda r: r[3] > 1 - 0.8),
            **self.risks(rows),
        }

    def risks(self, rows):
        known = [r for r in rows if r[0]["risks"] is not None]
        total = sum(r[4] for r in known)
        if not total > 0:
            return {}
        return {name: sum(r[4] * r[0]["risks"][name] for r in known) / total for name in known[0][0]["risks"]}

    def novelty(self, security, at, item):
        earlier = []
        for day in self.days[max(0, at - 4) : at + 1]:
            for other in self.by_row.get((security, day), []):
                if (other["available_at"], other["document_id"]) < (item["available_at"], item["document_id"]):
                    earlier.append(other)
        return 1 - max((similarity(item["title"], other["title"]) for other in earlier), default=0.0)

    def clusters(self, items):
        leaders = []
        for item in items:
            if all(similarity(item["title"], leader) < 0.8 for leader in leaders):
                leaders.append(item["title"])
        return len(leaders)

    def ewma(self, security, at, half):
        total = weight = 0.0
        seen = False
        for back in range(min(63, at + 1)):
            day = self.days[at - back]
            mean = self.mean(security, at - back)
            covered, silent = day in self.covered, not self.by_row.get((security, day))
            if back == 0 and not (self.listed(security, day) and (covered or mean is not None)):
                return None
            if self.listed(security, day) and (mean is not None or (covered and silent)):
                seen |= mean is not None
                total += 0.5 ** (back / half) * (mean or 0.0)
                weight += 0.5 ** (back / half)
        return total / weight if seen else None

    def since(self, security, at):
        for back in range(min(252, at) + 1):
            if self.by_row.get((security, self.days[at - back])):
                return back
            if self.days[at - back] not in self.covered:
                return None
        return None


def minus(a, b):
    return None if a is None or b is None else a - b


def similarity(a, b):
    first, second = triples(a), triples(b)
    return len(first & second) / len(first | second)


def triples(text):
    words = re.findall(r"\w+", text.lower())
    if len(words) < 3:
        return {tuple(words)}
    return {tuple(words[i : i + 3]) for i in range(len(words) - 2)}
