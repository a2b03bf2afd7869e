"""Object stores on loopback: moto for S3, and a small server of Google Cloud Storage's JSON API.

The latter does what gcsfs asks of it and no more: metadata, ranges, listings with a
delimiter, uploads in one piece or several, conditions on generations, rewrites.
"""

import base64
import contextlib
import hashlib
import http.server
import itertools
import json
import logging
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from gristmill.pipelines.inputs import list_paths
from gristmill.schemas.atomic_files import put_file
from gristmill.schemas.places import StorePath, find_place
from gristmill.schemas.recipe import load_recipe
from gristmill.schemas.stores import forget_stores

SECRET = "SECRETKEYOFATEST"
BUCKET = "mill-bucket"
FORBIDDEN = "forbidden-bucket"
POLL_SECONDS = 0.02


@dataclass
class Server:
    """A running store: its scheme, and what it was asked, as (method, path with query, bytes)."""

    scheme: str
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    url: str = ""

    @property
    def root(self) -> str:
        """A bucket that exists."""
        return f"{self.scheme}://{BUCKET}"

    def count(self, method: str, part: str) -> int:
        """How many requests of a method name a part of a path."""
        return sum(verb == method and part in unquote(path) for verb, path, _ in self.asked)

    def count_bytes(self, part: str) -> int:
        """Bytes that were sent in answer to GET of a path."""
        return sum(
            size for verb, path, size in self.asked if verb == "GET" and part in unquote(path)
        )


@dataclass
class _Object:
    payload: bytes
    generation: int


class _Buckets:
    """What the server of Google's API holds."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.buckets: dict[str, dict[str, _Object]] = {BUCKET: {}}
        self.generations = itertools.count(1)
        self.uploads: dict[str, tuple[str, str, str | None, bytearray]] = {}

    def store(self, bucket: str, key: str, payload: bytes, condition: str | None) -> Any:
        with self.lock:
            objects = self.buckets[bucket]
            if condition == "0" and key in objects:
                raise _Answer(412, {"error": {"code": 412, "message": "conditionNotMet"}})
            objects[key] = _Object(payload, next(self.generations))
            return self.describe(bucket, key)

    def describe(self, bucket: str, key: str) -> dict[str, Any]:
        found = self.buckets[bucket][key]
        digest = base64.b64encode(hashlib.md5(found.payload).digest()).decode()
        return {
            "kind": "storage#object",
            "bucket": bucket,
            "name": key,
            "size": str(len(found.payload)),
            "generation": str(found.generation),
            "md5Hash": digest,
        }

    def list_page(self, bucket: str, query: dict[str, str]) -> dict[str, Any]:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        with self.lock:
            keys = sorted(key for key in self.buckets[bucket] if key.startswith(prefix))
            folded, items = set(), []
            for key in keys:
                rest = key[len(prefix) :]
                if delimiter and delimiter in rest:
                    folded.add(prefix + rest.split(delimiter)[0] + delimiter)
                else:
                    items.append(self.describe(bucket, key))
        return {"kind": "storage#objects", "items": items, "prefixes": sorted(folded)}


class _Answer(Exception):
    def __init__(self, status: int, value: Any = None, headers: Any = None) -> None:
        super().__init__(status)
        self.status = status
        self.payload = value if isinstance(value, bytes) else json.dumps(value or {}).encode()
        self.headers: dict[str, str] = dict(headers or {})


_OBJECT = re.compile(r"/storage/v1/b/([^/]+)/o/([^/]+)")
_REWRITE = re.compile(r"/storage/v1/b/([^/]+)/o/([^/]+)/rewriteTo/b/([^/]+)/o/([^/]+)")
_LIST = re.compile(r"/storage/v1/b/([^/]+)(?:/o/?)?")
_MEDIA = re.compile(r"/(?:download/)?storage/v1/b/([^/]+)/o/([^/]+)")
_UPLOAD = re.compile(r"/upload/storage/v1/b/([^/]+)/o")


def _answer_google(held: _Buckets, method: str, target: str, headers: Any, body: bytes) -> _Answer:
    """What the server says to one request."""
    parts = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    try:
        for pattern, act in (
            (_UPLOAD, _upload),
            (_REWRITE, _rewrite),
            (_OBJECT, _handle_object),
            (_MEDIA, _handle_object),
            (_LIST, _handle_bucket),
        ):
            match = pattern.fullmatch(parts.path)
            if match:
                names = [unquote(name) for name in match.groups()]
                if names[0] == FORBIDDEN:
                    raise _Answer(403, {"error": {"code": 403, "message": SECRET}})
                if names[0] not in held.buckets:
                    raise _Answer(404, {"error": {"code": 404, "message": "no such bucket"}})
                return act(held, names, method, query, headers, body)
    except _Answer as answer:
        return answer
    except KeyError:
        return _Answer(404, {"error": {"code": 404, "message": "no such object"}})
    return _Answer(501, {"error": {"code": 501, "message": f"{method} {target}"}})


def _handle_bucket(held: _Buckets, names: Any, method: str, query: Any, *_: Any) -> _Answer:
    return _Answer(200, held.list_page(names[0], query))


def _handle_object(
    held: _Buckets, names: Any, method: str, query: Any, headers: Any, body: bytes
) -> _Answer:
    bucket, key = names
    if method == "DELETE":
        with held.lock:
            del held.buckets[bucket][key]
        return _Answer(204, b"")
    if query.get("alt") != "media":
        return _Answer(200, held.describe(bucket, key))
    payload = held.buckets[bucket][key].payload
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("range", ""))
    if not asked:
        return _Answer(200, payload)
    start, end = int(asked[1]), int(asked[2] or len(payload) - 1)
    if start >= len(payload):
        return _Answer(416)
    return _Answer(206, payload[start : end + 1])


def _rewrite(held: _Buckets, names: Any, *_: Any) -> _Answer:
    source = held.buckets[names[0]][names[1]]
    return _Answer(200, {"done": True, "resource": held.store(*names[2:], source.payload, None)})


def _upload(
    held: _Buckets, names: Any, method: str, query: Any, headers: Any, body: bytes
) -> _Answer:
    if query["uploadType"] == "multipart":
        boundary = headers["content-type"].partition("boundary=")[2].strip('"').encode()
        _, described, content, _ = body.split(b"--" + boundary)
        key = json.loads(described.partition(b"\n\n")[2])["name"]
        payload = content.partition(b"\n\n")[2].removesuffix(b"\n")
        condition = query.get("ifGenerationMatch")
        return _Answer(200, held.store(names[0], key, payload, condition))
    if "upload_id" not in query:
        number = str(next(held.generations))
        condition = query.get("ifGenerationMatch")
        held.uploads[number] = (names[0], query["name"], condition, bytearray())
        where = f"http://{headers['host']}/upload/storage/v1/b/{names[0]}/o?uploadType=resumable"
        return _Answer(200, {}, {"Location": f"{where}&upload_id={number}"})
    bucket, key, condition, received = held.uploads[query["upload_id"]]
    received += body
    if len(received) < int(headers["content-range"].rpartition("/")[2]):
        return _Answer(308, b"", {"Range": f"bytes=0-{len(received) - 1}"})
    return _Answer(200, held.store(bucket, key, bytes(received), condition))


def _make_handler(server: Server, held: _Buckets) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # headers and body in one packet

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            answer = _answer_google(held, self.command, self.path, self.headers, body)
            server.asked.append((self.command, self.path, len(answer.payload)))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.payload)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(answer.payload)

        do_GET = do_POST = do_PUT = do_DELETE = _serve

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler


@contextlib.contextmanager
def serve_google() -> Iterator[Server]:
    """Run the server of Google's API; `STORAGE_EMULATOR_HOST` names it meanwhile."""
    server = Server("gs")
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _make_handler(server, _Buckets()))
    web.daemon_threads = True
    thread = threading.Thread(target=web.serve_forever, args=(POLL_SECONDS,), daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{web.server_port}"
    try:
        with _use_environment({"STORAGE_EMULATOR_HOST": server.url}):
            yield server
    finally:
        web.shutdown()
        web.server_close()
        thread.join()


def _refuse(environ: Any, start: Callable[..., Any]) -> list[bytes]:
    """Deny a request as S3 does; its body is read, or the client sees a torn connection."""
    stream, length = environ["wsgi.input"], environ.get("CONTENT_LENGTH")
    if length or environ.get("wsgi.input_terminated"):
        stream.read(int(length) if length else -1)
    text = f"<Error><Code>AccessDenied</Code><Message>{SECRET}</Message></Error>".encode()
    body = b"" if environ["REQUEST_METHOD"] == "HEAD" else text
    headers = [("content-type", "application/xml"), ("content-length", str(len(body)))]
    start("403 Forbidden", headers)
    return [body]


@contextlib.contextmanager
def serve_amazon() -> Iterator[Server]:
    """Run moto; the variables of AWS name it meanwhile."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = Server("s3")
    application = DomainDispatcherApplication(create_backend_app)

    def record(environ: Any, start: Callable[..., Any]) -> Any:
        if environ["PATH_INFO"].startswith(f"/{FORBIDDEN}"):
            return _refuse(environ, start)
        answer = application(environ, start)
        path = environ["PATH_INFO"] + "?" + environ["QUERY_STRING"]
        pieces = list(answer)
        server.asked.append((environ["REQUEST_METHOD"], path, sum(map(len, pieces))))
        return pieces

    web = make_server("127.0.0.1", 0, record, threaded=True)
    thread = threading.Thread(target=web.serve_forever, args=(POLL_SECONDS,), daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{web.server_port}"
    given = {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": "AKIDOFATEST",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }
    try:
        with _use_environment(given):
            import boto3

            client = boto3.client("s3")
            client.create_bucket(Bucket=BUCKET)
            client.close()
            yield server
    finally:
        web.shutdown()
        web.server_close()
        thread.join()


@contextlib.contextmanager
def _use_environment(values: dict[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        forget_stores()
        yield
    forget_stores()


def find_folder(server: Server, name: str) -> StorePath:
    """A folder of a server's bucket."""
    place = find_place(f"{server.root}/{name}")
    assert isinstance(place, StorePath)
    return place


RECIPE = """
name: r
sources:
  - {{name: web, kind: commoncrawl, paths: ["{paths}"]}}
publishing: {{dataset: r}}
output: {output}
"""


def make_recipe(folder: Path, paths: str, output: str = "out"):
    (folder / "recipe.yaml").write_text(RECIPE.format(paths=paths, output=output))
    return load_recipe(folder / "recipe.yaml")


def move_inputs(recipe: Path, folder: str, target: Path) -> Path:
    """Upload what a recipe reads and have a copy of the recipe read it there."""
    inputs = find_place(folder)
    assert isinstance(inputs, StorePath)
    text = recipe.read_text()
    loaded = load_recipe(recipe)
    for source in loaded.sources:
        for name, path in list_paths(loaded, source):
            put_file(Path(path), inputs / name)
        for pattern in source.paths:
            text = text.replace(pattern, f"{inputs}/{pattern}")
    target.write_text(text)
    return target


SERVERS = {"s3": serve_amazon, "gs": serve_google}
