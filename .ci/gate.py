"""Fail if the newest backtest below a folder says that its own numbers cannot be trusted.

    python .ci/gate.py LAKE/reports

"Not distinguishable" is an honest answer and passes; a failed structural check or unknown timing is none.
"""

import json
import sys
from pathlib import Path

UNTRUSTED = ("INVALID", "UNVERIFIED TIMING")


def main(folder: str) -> int:
    reports = sorted(Path(folder).rglob("verdict.json"), key=lambda path: path.stat().st_mtime)
    if not reports:
        sys.exit(f"no verdict.json below {folder}; run the backtest first")
    verdict = json.loads(reports[-1].read_text())
    sys.stdout.write(f"{reports[-1]}\n{verdict['verdict']}: {verdict['reason']}\n")
    return int(verdict["verdict"] in UNTRUSTED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
