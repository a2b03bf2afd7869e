"""A server on loopback that gives prepared answers, for the tests of downloads."""

import contextlib
import http.server
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

Answer = tuple[int, dict[str, str], bytes]  # status, headers, body
Prepared = (
    Answer | Callable[[Mapping[str, str]], Answer]
)  # or what makes one of a request's headers
POLL_SECONDS = 0.02


@contextlib.contextmanager
def serve(
    answers: Sequence[Prepared], protocol: str = "HTTP/1.0"
) -> Iterator[tuple[str, list[str]]]:
    """Give the answers in turn, then repeat the last; yields (base URL, paths asked for)."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = protocol

        def do_GET(self) -> None:
            prepared = answers[min(len(asked), len(answers) - 1)]
            asked.append(self.path)
            status, headers, body = prepared(self.headers) if callable(prepared) else prepared
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                with contextlib.suppress(OSError):  # a client may hang up on what is too much
                    self.wfile.write(body)
            self.close_connection = True

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
