"""A server on loopback that gives prepared answers, for the tests of downloads."""

import contextlib
import http.server
import threading
from collections.abc import Iterator

Answer = tuple[int, dict[str, str], bytes]  # status, headers, body
POLL_SECONDS = 0.02


@contextlib.contextmanager
def serve(answers: list[Answer]) -> Iterator[tuple[str, list[str]]]:
    """Give the answers in turn, then repeat the last; yields (base URL, paths asked for)."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answers[min(len(asked), len(answers) - 1)]
            asked.append(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                with contextlib.suppress(OSError):  # a client may hang up on what is too much
                    self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
