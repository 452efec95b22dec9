"""A real S3 server on loopback, and lakes on it."""

import logging
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "tester",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "AWS_EC2_METADATA_DISABLED": "true",
}
BUCKET = "market"


@contextmanager
def s3_server() -> Iterator[str]:
    """Serves until the block is left; gives the host and port."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    os.environ.update(CREDENTIALS)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    httpx.put(f"http://{host}:{port}/{BUCKET}").raise_for_status()
    try:
        yield f"{host}:{port}"
    finally:
        server.stop()


def lake_on(server: str) -> str:
    """The address of a lake that nobody has used."""
    return f"s3://{BUCKET}/{uuid.uuid4().hex}/lake?endpoint_override={server}&scheme=http&region=us-east-1"
