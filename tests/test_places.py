"""Places: addresses taken apart and joined, and the verbs of a store against real requests."""

import hashlib
import io
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import object_servers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from object_servers import BUCKET, FORBIDDEN, SECRET, SERVERS, Server

from gristmill.schemas import stores
from gristmill.schemas.atomic_files import (
    appear_whole,
    copy_file,
    create_once,
    put_file,
    remove_partials,
    sha256_file,
    write_whole,
)
from gristmill.schemas.errors import StoreError, UsageError
from gristmill.schemas.patterns import match_names
from gristmill.schemas.places import (
    StorePath,
    find_place,
    is_remote,
    join_place,
    read_many,
    show_place,
)
from gristmill.schemas.versions import list_versions, open_version

PARTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1)
NAMES = PARTS.filter(lambda part: part not in (".", ".."))


@pytest.fixture(scope="module", params=sorted(SERVERS))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with SERVERS[request.param]() as running:
        yield running


@pytest.fixture
def folder(server: Server, request: pytest.FixtureRequest) -> StorePath:
    """A part of the bucket that no other test uses."""
    place = find_place(f"{server.root}/{re.sub(r'[^a-z_]', '', request.node.name)}")
    assert isinstance(place, StorePath)
    return place


@given(st.lists(NAMES, min_size=1, max_size=5), st.sampled_from(["s3", "gs"]))
def test_an_address_means_what_it_says(parts, scheme):
    place = find_place(f"{scheme}://bucket")
    for part in parts:
        place = place / part
    assert str(place) == f"{scheme}://bucket/" + "/".join(parts)
    assert find_place(str(place)) == place
    assert place.name == parts[-1] == (place.parent / place.name).name
    assert place.parent / place.name == place
    assert (place.stem, place.suffix) == (Path(place.name).stem, Path(place.name).suffix)
    assert place.with_name("other").parent == place.parent
    assert is_remote(str(place)) and join_place(Path("/here"), str(place)) == place


@given(PARTS)
def test_what_has_no_scheme_is_a_path(text):
    if "://" not in text:
        assert find_place(text) == Path(text)
        assert join_place(Path("/here"), text) == Path("/here") / text
        assert not is_remote(text)


def test_a_trailing_slash_changes_nothing():
    assert find_place("s3://bucket/a/") == find_place("S3://bucket/a")
    assert find_place("gs://bucket") == find_place("gs://bucket/")


@pytest.mark.parametrize(
    "text", ["s3://bucket/a//b", "gs://bucket/../b", "s3://bucket/a/.", "s3://bucket/a?versionId=1"]
)
def test_a_key_with_odd_parts_is_refused(text):
    with pytest.raises(UsageError, match="no plain name"):
        find_place(text)


@pytest.mark.parametrize(
    "text", ["s3://me:hunter2@bucket/a", "s3://me:hunter2@/a", "ftp://me:hunter2@host/a", "s3:///a"]
)
def test_an_address_with_a_password_is_refused_without_repeating_it(text):
    with pytest.raises(UsageError) as error:
        find_place(text)
    assert "hunter2" not in str(error.value) and "me" not in str(error.value).split()


def test_messages_show_no_secret():
    assert show_place("https://me:hunter2@host/a?token=x") == "https://host/a"
    assert show_place("s3://me:hunter2@bucket/a/b") == "s3://bucket/a/b"
    assert show_place(find_place("gs://bucket/a")) == "gs://bucket/a"
    assert show_place("/a/b") == "/a/b"


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", ["a.gz", "ab.gz"]),
        ("a*.gz", ["a.gz", "ab.gz"]),
        ("?.gz", ["a.gz"]),
        ("x/*/c.gz", ["x/1/c.gz", "x/2/c.gz"]),
        ("x/[!1]/c.gz", ["x/2/c.gz"]),
        ("x/[1-9]/*", ["x/1/c.gz", "x/2/c.gz"]),
        ("**/c.gz", ["x/1/c.gz", "x/2/c.gz"]),
        ("**", ["a.gz", "ab.gz", "x/1/c.gz", "x/2/c.gz"]),
        ("x/**", ["x/1/c.gz", "x/2/c.gz"]),
        ("x/*", []),
        ("a+", []),
    ],
)
def test_stars_stop_at_slashes(pattern, found):
    assert match_names(["x/2/c.gz", "ab.gz", "x/1/c.gz", "a.gz"], pattern) == found


@given(st.lists(NAMES, min_size=1, max_size=3))
def test_a_name_without_wild_cards_matches_itself(parts):
    name = "/".join(parts)
    if not set(name) & set("*?["):
        assert match_names([name, name + "x"], name) == [name]


def test_an_object_is_written_whole_and_read_in_ranges(server, folder):
    place = folder / "a b+%é.bin"
    assert not place.exists()
    payload = os.urandom(3000)
    write_whole(place, payload)
    assert place.exists() and place.stat().st_size == 3000
    assert place.read_bytes() == payload
    assert sha256_file(place) == hashlib.sha256(payload).hexdigest()
    before = len(server.asked)
    with place.open_ranges() as stream:
        stream.seek(-10, io.SEEK_END)
        assert stream.tell() == 2990 and stream.read(4) == payload[2990:2994]
        assert stream.read() == payload[2994:] and stream.read() == b""
        stream.seek(100)
        assert stream.read(50) == payload[100:150]
    sizes = [size for method, _, size in server.asked[before:] if method == "GET"]
    assert [size for size in sizes if size in (4, 6, 50)] == [4, 6, 50]
    place.unlink()
    place.unlink(missing_ok=True)
    with pytest.raises(FileNotFoundError, match=r"é\.bin does not exist"):
        place.read_bytes()
    with pytest.raises(FileNotFoundError):
        place.open()


def test_an_identity_follows_the_bytes(folder):
    place = folder / "a"
    write_whole(place, b"one")
    first = place.stat().identity
    write_whole(place, b"one")
    assert place.stat().identity == first
    write_whole(place, b"two")
    assert place.stat().identity != first
    assert folder.list_below() == {"a": place.stat()}


def test_only_one_of_many_creates_an_object(folder):
    """The store itself decides: a publish relies on it."""
    place = folder / "once"
    results: dict[int, bool] = {}
    start = threading.Barrier(6)

    def create(number: int) -> None:
        start.wait()
        results[number] = create_once(place, f"number {number}".encode())

    threads = [threading.Thread(target=create, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [winner] = [number for number, created in results.items() if created]
    assert len(results) == 6 and place.read_bytes() == f"number {winner}".encode()
    assert create_once(place, f"number {winner}".encode())  # a repeated request, its answer lost
    assert not create_once(place, b"other")


@pytest.mark.filterwarnings("ignore:Sending a large body")  # of aiohttp, about gcsfs
def test_files_move_in_and_out_and_across(server, folder, tmp_path):
    """Large enough for an upload in several pieces."""
    local, back = tmp_path / "local", tmp_path / "back"
    local.write_bytes(os.urandom(6 << 20))
    put_file(local, folder / "one")
    before = server.count_bytes("one")
    copy_file(folder / "one", folder / "x" / "two")
    assert server.count_bytes("one") - before < 10_000  # no byte of it came here
    copy_file(folder / "x" / "two", back)
    assert back.read_bytes() == local.read_bytes()
    assert not list(tmp_path.glob("*.partial"))
    with appear_whole(folder / "three") as partial:
        partial.write_bytes(b"3")
    with pytest.raises(ZeroDivisionError), appear_whole(folder / "four") as partial:
        partial.write_bytes(b"4" * (1 // 0))
    assert folder.list_sizes() == {"one": 6 << 20, "x/two": 6 << 20, "three": 1}
    assert remove_partials(folder) == 0


def test_listings_stay_below_their_folder(folder):
    for name in ("in/a.gz", "in/b.gz", "in/deep/c.gz", "inner/d.gz"):
        write_whole(folder / name, name.encode())
    assert sorted((folder / "in").list_sizes()) == ["a.gz", "b.gz", "deep/c.gz"]
    assert [place.name for place in (folder / "in").glob("*.gz")] == ["a.gz", "b.gz"]
    assert [str(place) for place in (folder / "i*/*.gz").expand()] == [
        f"{folder}/in/a.gz",
        f"{folder}/in/b.gz",
        f"{folder}/inner/d.gz",
    ]
    assert folder.list_folders() == [folder / "in", folder / "inner"]
    assert (folder / "none").list_sizes() == {} and (folder / "none").list_folders() == []
    assert (folder / "none" / "*").expand() == {} == (folder / "none").expand()


def test_small_files_are_read_in_the_order_given(folder, tmp_path):
    names = [f"record-{number}" for number in range(20)]
    for name in names:
        write_whole(folder / name, name.encode())
    (tmp_path / "local").write_bytes(b"here")
    places = [folder / name for name in reversed(names)]
    assert read_many(places) == [name.encode() for name in reversed(names)]
    assert read_many([tmp_path / "local"]) == [b"here"] and read_many([]) == []
    with pytest.raises(FileNotFoundError, match="missing does not exist"):
        read_many([*places, folder / "missing"])


def test_a_missing_bucket_is_one_sentence(server):
    place = find_place(f"{server.scheme}://no-such-bucket/a")
    assert isinstance(place, StorePath)
    for act in (
        lambda: write_whole(place, b""),
        lambda: create_once(place, b""),
        place.expand,
        (place / "*").expand,
        lambda: open_version(place),
        lambda: list_versions(place),
    ):
        with pytest.raises(StoreError, match="there is no bucket 'no-such-bucket'") as error:
            act()
        assert str(error.value).startswith(f"{server.scheme}://no-such-bucket")


def test_a_refusal_is_one_sentence(server):
    place = find_place(f"{server.scheme}://{FORBIDDEN}/a")
    assert isinstance(place, StorePath)
    for act in (
        place.exists,
        place.read_bytes,
        lambda: write_whole(place, b""),
        lambda: create_once(place, b""),
        place.list_sizes,
    ):
        with pytest.raises(StoreError, match=f"{FORBIDDEN}/a: access denied; check") as error:
            act()
        assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    "name", ["a#12", "a?b=1", "a%20b", "a+b&c=d", "[a]*", "ünï", "a b", "~", "a;b"]
)
def test_odd_names_are_plain_names(folder, tmp_path, name):
    place = folder / name
    write_whole(place, name.encode())
    assert place.read_bytes() == name.encode() == read_many([place])[0]
    assert folder.list_sizes() == {name: len(name.encode())}
    copy_file(place, folder / "copies" / name)
    copy_file(folder / "copies" / name, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == name.encode()
    put_file(tmp_path / "back", place)
    assert not create_once(place, b"other")
    (folder / "copies" / name).unlink()
    assert sorted(folder.list_sizes()) == [name]
    place.unlink()
    assert not place.exists()


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_missing_credentials_are_one_sentence(name, monkeypatch):
    with object_servers.serve_amazon() as server:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.setenv(name, SECRET)
        stores.forget_stores()
        with pytest.raises(StoreError, match=r"s3://mill-bucket/a: no credentials;") as error:
            find_place(f"{server.root}/a").read_bytes()
        assert SECRET not in str(error.value)


class Refusing(stores.S3Store):
    """A store whose library raises what it is told to."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def _head(self, bucket: str, key: str) -> tuple[int, str]:
        raise self.error


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (PermissionError(f"key {SECRET}"), "access denied"),
        (OSError(f"Forbidden: {SECRET}"), "access denied"),
        (TimeoutError(SECRET), "the store does not answer"),
        (OSError(5, SECRET), "the store failed"),
    ],
)
def test_what_a_library_says_is_not_repeated(error, sentence):
    with pytest.raises(StoreError, match=rf"^s3://bucket/a: {sentence}") as raised:
        Refusing(error).head("bucket", "a")
    assert SECRET not in str(raised.value) and raised.value.__suppress_context__


@pytest.mark.parametrize(("scheme", "extra"), [("s3", "aws"), ("gs", "gcp")])
def test_a_missing_library_is_one_sentence(scheme, extra, monkeypatch):
    library = stores.STORES[scheme].library
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setitem(sys.modules, f"{library}.core", None)
    stores.forget_stores()
    with pytest.raises(UsageError, match=rf"needs {library}: pip install 'gristmill\[{extra}\]'"):
        find_place(f"{scheme}://bucket/a").exists()


def test_nothing_heavy_is_imported_for_local_places():
    """What starts a child pays for it each time."""
    code = (
        "import sys; import gristmill.pipelines.children, gristmill.pipelines.part_files; "
        "from gristmill.schemas.places import find_place; find_place('/a'); find_place('s3://bucket/a'); "
        "print({'fsspec', 's3fs', 'gcsfs', 'botocore', 'aiohttp'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert BUCKET not in done.stderr
