"""A loopback server that speaks the few calls of the Hugging Face Hub that are made."""

import contextlib
import hashlib
import http.server
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

POLL_SECONDS = 0.02


def name_commit(number: int) -> str:
    return hashlib.sha1(b"%d" % number).hexdigest()


@dataclass
class Repository:
    """One dataset: branches, and the files of each commit."""

    commits: dict[str, dict[str, bytes]]
    branches: dict[str, str]
    large: frozenset[str] = frozenset()  # files whose digest is a sha256, as LFS has it
    token: str | None = None
    cut_once: dict[str, int] = field(default_factory=dict)  # bytes after which a file breaks off
    lie: frozenset[str] = frozenset()  # files that come with other bytes than their digest says
    asked: list[str] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)

    def find(self, revision: str) -> str | None:
        return self.branches.get(revision, revision if revision in self.commits else None)


@contextlib.contextmanager
def serve_hub(repositories: dict[str, Repository]) -> Iterator[str]:
    """Serve datasets by ``owner/name``; yields the endpoint."""

    class Handler(_Handler):
        datasets = repositories

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    datasets: dict[str, Repository]

    def do_GET(self) -> None:
        info = re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/revision/([^/?]+)(?:\?.*)?", self.path)
        file = re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/([^/]+)/([^?]+)", self.path)
        found = info or file
        repository = self.datasets.get(found[1]) if found else None
        if repository is None or found is None:
            return self._answer(404, {"X-Error-Code": "RepoNotFound"})
        repository.asked.append(f"{self.command} {self.path} {self.headers.get('Range', '')}")
        token = (self.headers.get("authorization") or "").removeprefix("Bearer ") or None
        repository.tokens.add(token)
        if repository.token is not None and token != repository.token:
            return self._answer(401, {"X-Error-Code": "RepoNotFound"})
        commit = repository.find(found[2])
        if commit is None:
            return self._answer(404, {"X-Error-Code": "RevisionNotFound"})
        if info:
            return self._tell_info(found[1], commit, repository)
        return self._send_file(found[3], commit, repository)

    do_HEAD = do_GET

    def _tell_info(self, name: str, commit: str, repository: Repository) -> None:
        siblings = [{"rfilename": path} for path in repository.commits[commit]]
        body = json.dumps({"id": name, "sha": commit, "siblings": siblings, "tags": []}).encode()
        self._answer(200, {"Content-Type": "application/json"}, body)

    def _send_file(self, path: str, commit: str, repository: Repository) -> None:
        body = repository.commits[commit].get(path)
        if body is None:
            return self._answer(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        is_large = path in repository.large
        tag = (
            hashlib.sha256(body).hexdigest()
            if is_large
            else hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()
        )
        headers = {"X-Repo-Commit": commit, "ETag": f'"{tag}"', "Accept-Ranges": "bytes"}
        if is_large:
            headers |= {"X-Linked-Etag": f'"{tag}"', "X-Linked-Size": str(len(body))}
        if path in repository.lie:
            body = body[:-1] + b"?"
        whole = len(body)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted:
            start = int(wanted[1])
            body = body[start : int(wanted[2]) + 1 if wanted[2] else None]
            headers["Content-Range"] = f"bytes {start}-{start + len(body) - 1}/{whole}"
        cut = repository.cut_once.pop(path, None) if self.command == "GET" else None
        self._answer(206 if wanted else 200, headers, body, cut)

    def _answer(
        self, status: int, headers: dict[str, str], body: bytes = b"", cut: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            with contextlib.suppress(OSError):
                self.wfile.write(body[:cut])
            if cut is not None:
                self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        pass
