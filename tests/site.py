"""A real HTTP server on loopback that says what a test tells it to say."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


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
                status, headers, body = queue.pop(0) if len(queue) > 1 else queue[0]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def say(self, path: str, body: str | bytes, status: int = 200, **headers: str) -> str:
        raw = body.encode() if isinstance(body, str) else body
        self.answers.setdefault(path, []).append((status, headers, raw))
        return self.url + path
