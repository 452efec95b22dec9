"""A real HTTP server on loopback that says what a test tells it to say."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class Site:
    """Answers by path: a list of (status, headers, body), the last one for ever; counts the requests."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, dict[str, str], bytes]]] = {}
        self.requests: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests.append(self.path)
                queue = site.answers.get(self.path, [(404, {}, b"no")])
                site.answer(self, *(queue.pop(0) if len(queue) > 1 else queue[0]))

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    @contextmanager
    def serving(self) -> Iterator[Self]:
        """Answers until the block is left."""
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        yield self
        self.server.shutdown()
        self.server.server_close()

    def say(self, path: str, body: str | bytes, status: int = 200, **headers: str) -> str:
        raw = body.encode() if isinstance(body, str) else body
        self.answers.setdefault(path, []).append((status, headers, raw))
        return self.url + path
