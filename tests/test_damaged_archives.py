"""Archives cut at every byte and with single bits flipped: what is intact stays, the rest is found.

Files of the public sets up to 64 KiB and small ones of every packing. FULL=1 cuts each
of them at every byte (minutes); else the made ones are, and the others where a seeded
generator says.
"""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import archive_cases
import pytest
from archive_cases import make_archives, read_archive, split_items
from archive_scanner import scan_archive, split_members

from gristmill.cleaning.warc_records import WarcRecord
from gristmill.schemas.fates import QUARANTINE_REASONS, Damaged

FULL = os.environ.get("FULL") == "1"
LONGEST_BYTES = 64 << 10
CUTS = 12  # of each file that is not cut at every byte
FLIPS = 5000
MADE = make_archives()


def load_small_archives(shared_data: Callable[[str], Path]) -> dict[str, bytes]:
    """Files of the sets that hold records and are small enough to be read thousands of times."""
    found = {}
    for set_name in archive_cases.SETS:
        for name, path in archive_cases.list_archives(set_name, shared_data(set_name)):
            raw = path.read_bytes()
            if len(raw) <= LONGEST_BYTES and split_items(read_archive(raw))[0]:
                found[name] = raw
    assert len(found) > 80
    return found


def identify(record: WarcRecord) -> tuple[object, ...]:
    return (record.record_type, record.record_id, record.url, record.payload)


def check_cut(raw: bytes, cut: int, whole: list[tuple[object, ...]] | None) -> None:
    """Require what the scanner finds intact; of a file without damage nothing new, and the cut."""
    records, damaged = split_items(read_archive(raw[:cut]))
    kept = [identify(record) for record in records]
    intact = [seen for seen in scan_archive(raw[:cut]) if seen.intact]
    for seen, record in zip(intact, records, strict=True):
        assert archive_cases.matches_record(seen, record)
    assert whole is None or kept == whole[: len(kept)]
    if whole is not None and len(kept) < len(whole):
        assert damaged or ends_between_records(raw, cut)


def ends_between_records(raw: bytes, cut: int) -> bool:
    """Say whether a cut leaves nothing of a record: it is where a record begins, or ended."""
    rest = raw[cut:].lstrip(b"\r\n")
    starts = {seen.offset + seen.position for seen in scan_archive(raw)}
    starts |= {part.offset for part in split_members(raw)}
    return len(raw) - len(rest) in starts


@pytest.mark.parametrize("name", MADE)
def test_made_archives_cut_at_every_byte(name: str) -> None:
    raw = MADE[name]
    whole = [identify(record) for record in split_items(read_archive(raw))[0]]
    assert len(whole) == 6
    for cut in range(1, len(raw)):
        check_cut(raw, cut, whole)


@pytest.mark.parametrize("packing", ["members.warc.gz", "members.warc.zst", "members.arc.gz"])
def test_a_cut_costs_the_member_that_it_is_in(packing: str) -> None:
    raw = MADE[f"made/{packing}"]
    ends = [part.offset + part.length for part in split_members(raw)]
    for cut in range(1, len(raw)):
        records, damaged = split_items(read_archive(raw[:cut]))
        assert len(records) == sum(end <= cut for end in ends)
        if cut in ends:
            assert damaged == []
        else:
            (item,) = damaged
            # What has not decoded to a magic number yet need not be a record.
            assert item.reason in ("truncated_record", "damaged_record")
            assert item.offset + item.length == cut


def test_public_archives_cut(shared_data: Callable[[str], Path]) -> None:
    rng = random.Random("cuts")
    for raw in load_small_archives(shared_data).values():
        records, already = split_items(read_archive(raw))
        whole = [identify(record) for record in records]
        cuts = range(1, len(raw)) if FULL else rng.sample(range(1, len(raw)), CUTS)
        for cut in cuts:
            # A cut can make a wrong length right, so such files are held to the scanner only.
            check_cut(raw, cut, None if already else whole)


class Tally(NamedTuple):
    """What became of the undamaged records of flipped files, and of the flips."""

    undamaged: int
    kept: int
    unproven: int  # flips that changed a record which nothing protects
    missed: list[str]  # flips of protected bytes that no `Damaged` covers


def flip_bit(raw: bytes, bit: int) -> bytes:
    flipped = bytearray(raw)
    flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)


def covers(item: WarcRecord | Damaged, byte: int) -> bool:
    return item.offset <= byte < item.offset + item.length


def tally_flips(name: str, raw: bytes, bits: list[int]) -> Tally:
    """Flip single bits of a file with a member for each record, or of a plain one."""
    whole, _ = split_items(read_archive(raw))
    is_packed = not (len(parts := split_members(raw)) == 1 and parts[0].content == raw)
    undamaged = kept = unproven = 0
    missed = []
    for bit in bits:
        records, damaged = split_items(read_archive(flip_bit(raw, bit)))
        assert {item.reason for item in damaged} <= QUARANTINE_REASONS
        places = {record.offset: record for record in records}
        others = [record for record in whole if not covers(record, bit // 8)]
        undamaged += len(others)
        kept += sum(places.get(record.offset) == record for record in others)
        hit = [record for record in whole if covers(record, bit // 8)]
        if is_packed and not {identify(r) for r in records} <= {identify(r) for r in whole}:
            missed.append(f"{name} bit {bit} gives a record that is not in the file")
        if not hit or identify(hit[0]) in map(identify, records):
            continue  # between records, or harmless: the time in a gzip header, a proven block
        if any(covers(item, bit // 8) for item in damaged):
            continue
        if is_packed:
            missed.append(f"{name} bit {bit}")
        else:
            unproven += 1
    return Tally(undamaged, kept, unproven, missed)


def draw_flips(archives: dict[str, bytes], count: int) -> dict[str, list[int]]:
    """Draw files evenly and bits evenly within each."""
    rng = random.Random("flips")
    drawn: dict[str, list[int]] = {name: [] for name in archives}
    for _ in range(count):
        name = rng.choice(sorted(archives))
        drawn[name].append(rng.randrange(8 * len(archives[name])))
    return drawn


def is_in_one_member(raw: bytes) -> bool:
    """Say whether one checksum covers all records, so that a flip puts all in doubt."""
    parts = split_members(raw)
    return parts[0].content != raw and len(scan_archive(raw)) > len(parts)


def test_flipped_bits(shared_data: Callable[[str], Path]) -> None:
    archives = {
        name: raw
        for name, raw in {**load_small_archives(shared_data), **MADE}.items()
        if not is_in_one_member(raw)
    }
    tallies = [
        tally_flips(name, archives[name], bits)
        for name, bits in draw_flips(archives, FLIPS).items()
    ]
    assert [place for tally in tallies for place in tally.missed] == []
    undamaged = sum(tally.undamaged for tally in tallies)
    kept = sum(tally.kept for tally in tallies)
    assert undamaged > FLIPS
    assert kept >= 0.999 * undamaged, (kept, undamaged)


@pytest.mark.parametrize("name", ["made/one-member.warc.gz", "made/one-member.warc.zst"])
def test_flips_in_one_member_keep_what_a_digest_proves(name: str) -> None:
    raw = MADE[name]
    whole = {identify(record) for record in split_items(read_archive(raw))[0]}
    rng = random.Random(name)
    for byte in rng.sample(range(len(raw)), 300):
        records, damaged = split_items(read_archive(flip_bit(raw, 8 * byte + rng.randrange(8))))
        kept = {identify(record) for record in records}
        assert kept <= whole
        assert damaged or kept == whole


@pytest.mark.parametrize("name", ["made/plain.warc"])
def test_flips_of_blocks_with_a_digest_are_seen(name: str) -> None:
    raw = MADE[name]
    rng = random.Random(name)
    for seen in scan_archive(raw):
        start = raw.index(seen.block)
        for byte in rng.sample(range(start, start + len(seen.block)), 60):
            records, damaged = split_items(read_archive(flip_bit(raw, 8 * byte)))
            assert len(records) == 5
            (item,) = damaged
            assert covers(item, byte)
