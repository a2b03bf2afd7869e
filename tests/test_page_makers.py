"""The made-up pages that benchmarks and the scale model are run on."""

import gzip
import sys
from pathlib import Path

import numpy as np
from fastwarc.warc import ArchiveIterator, WarcRecordType

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

import page_makers
from page_makers import EXACT_COPY, NEAR_COPY, ORIGINAL

SEED = 7


def read_bytes(paths: list[Path]) -> bytes:
    return b"".join(gzip.decompress(path.read_bytes()) for path in paths)


def read_body(plan: page_makers.Plan, page: int) -> str:
    html = page_makers.write_page(plan, page, SEED)
    return html.partition("<article>")[2].partition("</article>")[0]


def test_a_larger_set_begins_with_the_smaller_one(tmp_path):
    few = page_makers.make_pages(tmp_path / "few", 40, files=1, processes=1)
    many = page_makers.make_pages(tmp_path / "many", 120, files=3, processes=1)
    assert [path.name for path in many] == [f"made-0000{number}.warc.gz" for number in range(3)]
    assert read_bytes(many).startswith(read_bytes(few))
    assert read_bytes(few) != read_bytes(
        page_makers.make_pages(tmp_path / "other", 40, files=1, seed=8, processes=1)
    )


def test_each_page_is_a_record_of_its_own(tmp_path):
    [path] = page_makers.make_pages(tmp_path, 50, files=1, processes=1)
    with path.open("rb") as stream:
        records = list(ArchiveIterator(stream, record_types=WarcRecordType.response))
        ids = {record.record_id for record in records}
        assert all(record.http_content_type == "text/html" for record in records)
    assert len(ids) == 50
    size = len(gzip.decompress(path.read_bytes())) / 50
    assert 6_000 <= size <= 11_000


def test_copies_have_the_shares_that_are_promised():
    plan = page_makers.plan_pages(50_000, SEED)
    near, exact = (float(np.mean(plan.kinds == kind)) for kind in (NEAR_COPY, EXACT_COPY))
    assert abs(near - 0.15) < 0.01
    assert abs(exact - 0.05) < 0.005
    assert (plan.kinds[plan.origins] == ORIGINAL).all()
    assert (plan.origins <= np.arange(50_000)).all()
    # The most copied pages grow with the set: a key of many documents.
    assert np.bincount(plan.origins).max() > 40


def test_a_copy_has_its_origins_text():
    plan = page_makers.plan_pages(2_000, SEED)
    for kind in (NEAR_COPY, EXACT_COPY):
        page = int(np.flatnonzero(plan.kinds == kind)[3])
        copy, origin = read_body(plan, page), read_body(plan, int(plan.origins[page]))
        assert (copy == origin) == (kind == EXACT_COPY)
        words, others = set(copy.split()), set(origin.split())
        assert len(words & others) / len(words | others) > 0.8
