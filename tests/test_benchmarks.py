"""The benchmarks' own parts: input, costs, figures. No peer is run here."""

import gzip
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator
from hypothesis import given
from hypothesis import strategies as st

BENCHMARKS = Path(__file__).parent / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import contenders  # noqa: E402
import debian_pages  # noqa: E402
import end_to_end  # noqa: E402
import figures  # noqa: E402
import floor  # noqa: E402
import process_cost  # noqa: E402
import tokenizer_training  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

from gristmill.schemas.recipe import load_recipe  # noqa: E402

POOL = """
import multiprocessing, time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
if __name__ == "__main__":
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        pool.map(burn, [0.6])
    print('{"done": 1}')
"""


def make_pages(count: int) -> list[debian_pages.Page]:
    return [
        debian_pages.Page(
            f"https://p.debian.example/{n}.html", "p", f"<p>page {n}</p>".encode() * 99
        )
        for n in range(count)
    ]


@pytest.fixture(scope="module")
def real_pages(shared_data: Callable[[str], Path]) -> list[debian_pages.Page]:
    paths = sorted((shared_data("extract-wcxb-dev") / "dev" / "html").glob("*.html"))[:20]
    return [
        debian_pages.Page(f"https://wcxb.example/{path.name}", "wcxb", path.read_bytes())
        for path in paths
    ]


@pytest.fixture
def page_set(
    real_pages: list[debian_pages.Page], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> debian_pages.PageSet:
    monkeypatch.setenv("GRISTMILL_BENCH_CACHE", str(tmp_path))
    folder = tmp_path / "pages"
    debian_pages._build_set(real_pages, folder, 2, ["none.deb"])
    return debian_pages._load_set(folder)


def test_records_are_those_of_common_crawl(tmp_path: Path) -> None:
    pages = make_pages(3)
    debian_pages.write_files(pages, tmp_path, 1)
    path = tmp_path / "part-0000.warc.gz"
    with path.open("rb") as stream:
        found = [
            (
                record.headers["WARC-Type"],
                record.headers["WARC-Target-URI"],
                record.headers["WARC-Record-ID"],
                record.verify_block_digest(),
                record.reader.read(),
            )
            for record in ArchiveIterator(stream, parse_http=False)
        ]
    assert [record[0] for record in found] == ["request", "response", "metadata"] * 3
    assert [record[1] for record in found] == [page.url for page in pages for _ in range(3)]
    assert len({record[2] for record in found}) == 9
    assert all(record[3] for record in found)
    blocks = [record[4] for record in found if record[0] == "response"]
    assert all(
        block.startswith(b"HTTP/1.1 200 OK\r\n") and block.endswith(b"\r\n\r\n" + page.html)
        for block, page in zip(blocks, pages, strict=True)
    )


def test_every_record_is_a_gzip_member(tmp_path: Path) -> None:
    debian_pages.write_files(make_pages(2), tmp_path, 1)
    content = (tmp_path / "part-0000.warc.gz").read_bytes()
    members = [gzip.decompress(b"\x1f\x8b" + member) for member in content.split(b"\x1f\x8b")[1:]]
    assert len(members) == 6
    assert all(member.startswith(b"WARC/1.") for member in members)


@given(count=st.integers(0, 12), files=st.integers(1, 5))
def test_same_pages_give_same_bytes_in_any_number_of_files(
    tmp_path_factory: pytest.TempPathFactory, count: int, files: int
) -> None:
    def read(number: int) -> bytes:
        folder = tmp_path_factory.mktemp("pages")
        debian_pages.write_files(make_pages(count), folder, number)
        return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))

    assert read(1) == read(files)


@pytest.fixture
def deb(tmp_path: Path) -> Path:
    if shutil.which("dpkg-deb") is None:
        pytest.skip("needs dpkg-deb, which is not on this machine")
    root = tmp_path / "root"
    pages = root / "usr/share/doc/some-doc"
    (pages / "html").mkdir(parents=True)
    (pages / "notes").mkdir()
    for number in range(6):
        (pages / "html" / f"{number}.html").write_text("<p>text</p>" * 100 + str(number))
    (pages / "html" / "legacy.html.ja.utf8").write_text("<p>text</p>" * 100)
    (pages / "html" / "link.html").symlink_to("0.html")
    (pages / "html" / "tiny.html").write_text("<p>text</p>")
    (pages / "html" / "large.html").write_text("x" * (debian_pages.MOST_PAGE_BYTES + 1))
    (pages / "html" / "moved.html").write_text('<meta HTTP-EQUIV="Refresh">' + "x" * 2000)
    (pages / "notes" / "other.html").write_text("<p>text</p>" * 100)
    (root / "DEBIAN").mkdir()
    control = "Package: some-doc\nVersion: 1\nArchitecture: all\nMaintainer: n <n@n.example>\nDescription: d\n"
    (root / "DEBIAN" / "control").write_text(control)
    path = tmp_path / "some-doc_1_all.deb"
    subprocess.run(["dpkg-deb", "-b", str(root), str(path)], check=True, capture_output=True)
    return path


def test_pages_of_a_package_are_real_pages_of_its_folders(deb: Path) -> None:
    package = debian_pages.Package("some-doc", folders=("html/",))
    found = {page.url.partition("/html/")[2] for page in debian_pages.read_pages(package, deb)}
    assert found == {f"{number}.html" for number in range(6)} | {"legacy.html.ja.utf8"}


def test_limit_chooses_by_lot_and_keeps_what_a_smaller_limit_chose(deb: Path) -> None:
    few = debian_pages.read_pages(debian_pages.Package("some-doc", limit=2), deb)
    more = debian_pages.read_pages(debian_pages.Package("some-doc", limit=5), deb)
    assert [page.url for page in more[:2]] == [page.url for page in few]
    assert len(more) == 5


def test_unreadable_package_is_an_error(tmp_path: Path) -> None:
    if shutil.which("dpkg-deb") is None:
        pytest.skip("needs dpkg-deb, which is not on this machine")
    bad = tmp_path / "bad_1_all.deb"
    bad.write_bytes(b"not a package")
    with pytest.raises(RuntimeError, match=r"could not read .*bad_1_all\.deb"):
        debian_pages.read_pages(debian_pages.Package("bad"), bad)


def test_floor_reads_every_page(page_set: debian_pages.PageSet) -> None:
    tokenizer = Tokenizer.from_file(str(tokenizer_training.train_tokenizer(page_set)))
    result = floor.run_floor(page_set.files, tokenizer)
    assert result.pages == page_set.pages == 20
    assert result.text_bytes > 20_000
    assert 0 < result.tokens < result.text_bytes
    assert min(result.read_seconds, result.extract_seconds, result.encode_seconds) > 0


def test_tokenizer_is_trained_once_and_round_trips(page_set: debian_pages.PageSet) -> None:
    path = tokenizer_training.train_tokenizer(page_set)
    written = path.stat().st_mtime_ns
    assert tokenizer_training.train_tokenizer(page_set) == path
    assert path.stat().st_mtime_ns == written
    tokenizer = Tokenizer.from_file(str(path))
    text = "Größe 日本語 \U0001f600\n\ttail  "
    assert tokenizer.decode(tokenizer.encode(text).ids) == text
    assert tokenizer.token_to_id(tokenizer_training.END_OF_TEXT) == 0


def test_floor_contender_runs_one_process_a_worker(page_set: debian_pages.PageSet) -> None:
    path = tokenizer_training.train_tokenizer(page_set)
    bench = contenders.Bench(path, 2, None, page_set.folder)
    run = contenders.run_floor(bench, page_set, page_set.folder)
    assert len(run.cost.outputs) == 2
    assert run.pages == run.documents_kept == 20
    assert [stage.name for stage in run.stages] == ["read", "extract", "language", "encode"]
    assert sum(stage.seconds for stage in run.stages) < run.cost.cpu_seconds
    assert run.versions["resiliparse"]


def test_recipe_of_ours_is_valid(page_set: debian_pages.PageSet, tmp_path: Path) -> None:
    bench = contenders.Bench(tmp_path / "tokenizer.json", 2, None, tmp_path)
    recipe = load_recipe(contenders.write_recipe(bench, page_set, tmp_path, "resiliparse"))
    assert recipe.cleaning.languages == {"en": 0.65}
    assert recipe.deduplication.near is not None
    assert list(recipe.sources[0].paths) == [str(path) for path in page_set.files]


def test_cost_counts_a_pool_that_outlives_its_program(tmp_path: Path) -> None:
    program = tmp_path / "pool.py"
    program.write_text(POOL)
    cost = process_cost.measure_commands([[sys.executable, str(program)]] * 2)
    assert cost.outputs == ({"done": 1}, {"done": 1})
    assert cost.cpu_seconds > 1.2
    assert cost.wall_seconds > 0.5


def test_failing_command_tells_why() -> None:
    program = "import sys; sys.stderr.write('no such luck'); sys.exit(3)"
    with pytest.raises(RuntimeError, match="no such luck"):
        process_cost.measure_commands([[sys.executable, "-c", program]])


def make_run(pages: int, cpu_seconds: float) -> contenders.Run:
    stages = (
        contenders.Stage("first", pages, pages // 2, cpu_seconds / 2),
        contenders.Stage("second", pages // 2, 0, 0.0),
    )
    cost = process_cost.Cost(cpu_seconds, cpu_seconds, ())
    return contenders.Run(pages, cost, stages, pages // 2, 7 * pages, {"some": "1"})


@given(
    fixed=st.floats(0, 100),
    per_page=st.floats(1e-4, 1),
    sizes=st.lists(st.integers(1, 10_000), min_size=3, max_size=3, unique=True).map(sorted),
)
def test_a_line_through_two_runs_finds_the_third(
    fixed: float, per_page: float, sizes: list[int]
) -> None:
    small, large, pages = (make_run(size, fixed + per_page * size) for size in sizes)
    expected = pages.cost.cpu_seconds
    assert figures.extrapolate_cpu(large, small, pages.pages) == pytest.approx(expected, rel=1e-6)
    assert figures.fixed_cpu(large, small) == pytest.approx(fixed, rel=1e-6, abs=1e-6)


def test_a_run_over_all_pages_is_not_extrapolated() -> None:
    assert figures.extrapolate_cpu(make_run(100, 50.0), make_run(10, 49.0), 100) == 50.0
    with pytest.raises(ValueError, match="two sizes"):
        figures.extrapolate_cpu(make_run(10, 5.0), make_run(10, 4.0), 100)


def test_summary_takes_medians() -> None:
    large = [make_run(100, seconds) for seconds in (10.0, 20.0, 1000.0)]
    small = [make_run(10, 2.0)] * 3
    found = figures.summarize_rounds(large, small, 100)
    assert found["documents_per_second_per_core"] == 5.0
    assert found["rounds"] == [10.0, 5.0, 0.1]
    assert found["stages"]["first"]["documents_per_second_per_core"] == 10.0
    assert found["stages"]["second"]["documents_per_second_per_core"] is None
    assert found["fixed_cpu_seconds"] == 0.0


def test_ratios_are_above_one_when_ours_is_ahead() -> None:
    rates = {"gristmill": 300.0, "floor": 400.0, "datatrove": 20.0}
    assert figures.compare_speeds(rates, "gristmill") == {"floor": 0.75, "datatrove": 15.0}
    assert figures.compare_speeds({"floor": 400.0}, "gristmill") == {}
    more = {"datatrove_same_extractor": 40.0, "gristmill_resiliparse": 200.0}
    assert end_to_end.compare_rates(rates | more) == {
        "floor": 0.75,
        "datatrove": 15.0,
        "datatrove_same_extractor": 5.0,
    }


def test_last_line_is_json_and_the_table_names_every_stage() -> None:
    summary = figures.summarize_rounds([make_run(100, 10.0)], [make_run(10, 2.0)], 100)
    line = figures.format_line({"machine": "some\nmachine", "ours": summary}, {"floor": 0.5})
    assert "\n" not in line
    assert json.loads(line)["against"] == {"floor": 0.5}
    table = figures.format_table({"ours": summary})
    assert all(word in table for word in ("ours", "first", "second", "docs/s/core"))


def test_blocks_that_count_nothing_take_what_was_passed_on() -> None:
    def block(name: str, came: int | None, left: int | None) -> dict[str, object]:
        return {
            "job": "j",
            "block": name,
            "documents_in": came,
            "documents_out": left,
            "seconds": 1.0,
        }

    blocks = [block("read", 9, None), block("filter", 9, 4), block("write", None, None)]
    found = [(s.documents_in, s.documents_out) for s in contenders.read_datatrove_stages(blocks)]
    assert found == [(9, 9), (9, 4), (4, 4)]


def test_unknown_contender_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import end_to_end

    written = io.StringIO()
    monkeypatch.setenv("CONTENDERS", "floor,nobody")
    monkeypatch.setattr(sys, "stderr", written)
    assert end_to_end.main() == 2
    assert "nobody" in written.getvalue()
