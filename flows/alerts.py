"""Telling a person: a failed or crashed run is posted to a webhook.

The address is a secret: it comes from the environment (SENTFEAT_WEBHOOK) or from the Prefect Secret block
`sentfeat-webhook`, and appears in no log, parameter, artifact or table.
"""

import json
import logging
import urllib.request
from http.client import HTTPException
from typing import Any

from prefect import Flow
from prefect.blocks.system import Secret
from prefect.client.schemas.objects import FlowRun, State
from prefect.settings import PREFECT_UI_URL

from sentfeat.config import webhook_url

BLOCK = "sentfeat-webhook"
PATIENCE_SECONDS = 10

logger = logging.getLogger("sentfeat.alerts")


def tell(flow: Flow, run: FlowRun, state: State) -> None:
    """Post what failed. A webhook that cannot be used is logged without its address and fails nothing further."""
    url = webhook_url() or _from_block()
    if url is None:
        return
    body = message(flow.name, run, state)
    try:
        request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=PATIENCE_SECONDS).close()
    except (OSError, ValueError, HTTPException) as error:  # their texts may hold the address
        logger.warning("the failure could not be posted to the webhook (%s)", type(error).__name__)


def message(flow: str, run: FlowRun, state: State) -> dict[str, Any]:
    """The JSON: `text` is what chat services show, the rest is for programs."""
    reason = " ".join((state.message or "no reason given").split())
    page = f"{PREFECT_UI_URL.value()}/runs/flow-run/{run.id}" if PREFECT_UI_URL.value() else None
    text = f"sentfeat: {flow} {state.name.lower()} ({run.name}): {reason}"
    return {"text": text, "flow": flow, "run": run.name, "state": state.name, "reason": reason, "page": page}


def _from_block() -> str | None:
    try:
        return Secret.load(BLOCK).get()
    except ValueError:  # no such block
        return None


WATCHED: dict[str, Any] = {"on_failure": [tell], "on_crashed": [tell]}
