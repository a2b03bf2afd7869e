"""The store: objects by content, one commit point, races and crashes."""

import json
import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from published_samples import TEXTS, Draft

from gristmill.pipelines.publishing import objects, store, verification
from gristmill.schemas import atomic_files
from gristmill.schemas.errors import (
    AccountingError,
    CorruptFileError,
    PublishError,
    UsageError,
    VersionExistsError,
)
from gristmill.schemas.manifests import StageFacts, digest_core
from gristmill.schemas.versions import list_versions, open_version

SHORT = {**TEXTS, "train": TEXTS["train"][:-1]}


def draft(tmp_path: Path, **changes: object) -> Draft:
    return Draft(tmp_path / "demo", tmp_path / "work", **changes)  # type: ignore[arg-type]


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_published_version_opens_and_verifies(tmp_path):
    outcome = draft(tmp_path).publish()
    assert outcome.status is store.CommitStatus.COMMITTED
    assert outcome.version == "1.0.0"
    version = open_version(tmp_path / "demo")
    assert version.manifest.core_digest == outcome.core_digest
    assert verification.verify_version(version) == []


def test_the_same_content_is_not_published_twice(tmp_path):
    draft(tmp_path).publish()
    before = snapshot(tmp_path / "demo")
    manifest = draft(tmp_path).build()
    outcome = store.commit(tmp_path / "demo", manifest)
    assert outcome.status is store.CommitStatus.ALREADY_PUBLISHED
    assert outcome.version == "1.0.0"
    after = snapshot(tmp_path / "demo")
    assert {path: after[path] for path in before} == before
    assert list_versions(tmp_path / "demo") == ["1.0.0"]
    assert len(list((tmp_path / "demo" / "manifests").iterdir())) == 1


def test_two_stores_of_one_draft_hold_the_same_bytes(tmp_path):
    draft(tmp_path / "a").publish()
    draft(tmp_path / "b").publish()
    assert snapshot(tmp_path / "a" / "demo") == snapshot(tmp_path / "b" / "demo")


def test_a_taken_number_is_refused_and_unharmed(tmp_path):
    draft(tmp_path).publish()
    commit = (tmp_path / "demo" / "versions" / "1.0.0.json").read_bytes()
    with pytest.raises(VersionExistsError):
        draft(tmp_path, texts=SHORT).publish("1.0.0")
    assert (tmp_path / "demo" / "versions" / "1.0.0.json").read_bytes() == commit
    assert verification.verify_version(open_version(tmp_path / "demo")) == []


def test_the_loser_of_a_late_race_is_told(tmp_path, monkeypatch):
    folder = tmp_path / "demo"
    loser = draft(tmp_path, texts=SHORT).build("1.0.0")
    original = store._write_manifest

    def publish_first(at, manifest):
        monkeypatch.setattr(store, "_write_manifest", original)
        Draft(folder, tmp_path / "other").publish("1.0.0")
        return original(at, manifest)

    monkeypatch.setattr(store, "_write_manifest", publish_first)
    with pytest.raises(VersionExistsError, match="first"):
        store.commit(folder, loser)
    assert len(open_version(folder).files("data/")) == 6
    assert verification.verify_version(open_version(folder)) == []


def test_an_equal_racer_is_already_published(tmp_path, monkeypatch):
    folder = tmp_path / "demo"
    manifest = draft(tmp_path).build()
    twin = manifest.model_copy(update={"envelope": {"created_at": "later"}})
    original = store._write_manifest

    def publish_first(at, ours):
        monkeypatch.setattr(store, "_write_manifest", original)
        store.commit(folder, twin)
        return original(at, ours)

    monkeypatch.setattr(store, "_write_manifest", publish_first)
    assert store.commit(folder, manifest).status is store.CommitStatus.ALREADY_PUBLISHED
    assert open_version(folder).manifest.envelope == {"created_at": "later"}
    assert verification.verify_version(open_version(folder)) == []


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the code may catch it."""


def publish_and_die(target: Draft, step: str, when: str, kill_at: int) -> bool:
    """Publish in a child that kills itself at the k-th call of a step; whether it died."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        return os.WIFSIGNALED(status)
    original = getattr(os, step)
    calls = 0

    def kill_or_call(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == kill_at and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if calls == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(os, step, kill_or_call)
    code = 1
    try:
        target.publish()
        code = 0
    finally:
        os._exit(code)


@pytest.mark.parametrize(
    ("step", "when"),
    [
        ("link", "before"),
        ("link", "after"),
        ("replace", "before"),
        ("replace", "after"),
        ("fsync", "before"),
    ],
)
def test_a_kill_at_any_step_leaves_old_versions_and_heals(tmp_path, step, when):
    """SIGKILL at the k-th call of a file-system step, for every k, then the same publish again."""
    reference = draft(tmp_path / "reference")
    reference.publish()
    Draft(reference.folder, tmp_path / "work2", texts=SHORT).publish()
    wanted = snapshot(reference.folder)
    kill_at, killed = 0, True
    while killed:
        kill_at += 1
        folder = tmp_path / f"{kill_at}" / "demo"
        Draft(folder, tmp_path / f"{kill_at}" / "work").publish()
        second = Draft(folder, tmp_path / f"{kill_at}" / "work2", texts=SHORT)
        killed = publish_and_die(second, step, when, kill_at)
        assert "1.0.0" in list_versions(folder)
        for name in list_versions(folder):
            assert verification.verify_version(open_version(folder, name)) == []
        second.publish()
        atomic_files.remove_partials(folder)
        assert snapshot(folder) == wanted
    assert kill_at > (1 if step == "replace" else 3), "the step was hardly used"


def test_a_publisher_that_died_before_its_last_step_is_repaired(tmp_path, monkeypatch):
    draft(tmp_path).publish()
    with monkeypatch.context() as patch:
        patch.setattr(store, "advance_latest", lambda folder: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            draft(tmp_path, texts=SHORT).publish()
    folder = tmp_path / "demo"
    assert open_version(folder).manifest.core.version == "1.0.0"
    assert verification.verify_version(open_version(folder, "2.0.0")) == []
    outcome = draft(tmp_path, texts=SHORT).publish()
    assert outcome == store.CommitOutcome(
        store.CommitStatus.ALREADY_PUBLISHED, "2.0.0", outcome.core_digest
    )
    assert open_version(folder).manifest.core.version == "2.0.0"


def test_latest_never_moves_back(tmp_path):
    draft(tmp_path).publish("2.0.0")
    draft(tmp_path, texts=SHORT).publish("1.5.0")
    assert open_version(tmp_path / "demo").manifest.core.version == "2.0.0"


def race(folder: Path, work: Path, number: int, same: bool, barrier, results) -> None:
    texts = dict(TEXTS)
    if not same:
        texts["train"] = [*TEXTS["train"], f"only publisher {number} has this"]
    manifest = Draft(folder, work, texts=texts).build("1.0.0")
    barrier.wait()
    try:
        outcome = store.commit(folder, manifest)
        results.put((str(outcome.status), manifest.core_digest))
    except VersionExistsError:
        results.put(("refused", manifest.core_digest))


@pytest.mark.parametrize("same", [False, True])
def test_of_racing_publishers_one_wins(tmp_path, same):
    context = multiprocessing.get_context("fork")
    folder = tmp_path / "demo"
    for round_number in range(3):
        folder = tmp_path / f"{round_number}" / "demo"
        barrier, results = context.Barrier(6), context.Queue()
        publishers = [
            context.Process(
                target=race,
                args=(folder, tmp_path / f"{round_number}-{n}", n, same, barrier, results),
            )
            for n in range(6)
        ]
        for publisher in publishers:
            publisher.start()
        found = [results.get(timeout=60) for _ in publishers]
        for publisher in publishers:
            publisher.join(60)
        winners = [digest for status, digest in found if status == "committed"]
        assert len(winners) == 1
        assert open_version(folder).manifest.core_digest == winners[0]
        losers = {status for status, _ in found} - {"committed"}
        assert losers == ({"already_published"} if same else {"refused"})
        assert verification.verify_version(open_version(folder)) == []


def test_objects_are_links_and_idempotent(tmp_path):
    source = tmp_path / "a.bin"
    source.write_bytes(b"payload")
    sha256, size = objects.put_object(tmp_path / "demo", source, ".bin")
    assert (sha256, size) == (atomic_files.sha256_file(source), 7)
    target = tmp_path / "demo" / "objects" / sha256[:2] / f"{sha256}.bin"
    assert target.stat().st_ino == source.stat().st_ino
    assert target.stat().st_mode & 0o222 == 0
    assert objects.put_object(tmp_path / "demo", source, ".bin") == (sha256, size)


def test_objects_are_copied_where_links_do_not_work(tmp_path, monkeypatch):
    source = tmp_path / "a.bin"
    source.write_bytes(b"payload")

    def refuse(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    sha256, _ = objects.put_object(tmp_path / "demo", source, ".bin")
    target = tmp_path / "demo" / "objects" / sha256[:2] / f"{sha256}.bin"
    assert target.read_bytes() == b"payload"
    assert target.stat().st_ino != source.stat().st_ino


def test_a_torn_object_is_replaced(tmp_path):
    source = tmp_path / "a.bin"
    source.write_bytes(b"payload")
    sha256, _ = objects.put_object(tmp_path / "demo", source, "")
    target = tmp_path / "demo" / "objects" / sha256[:2] / sha256
    target.unlink()
    target.write_bytes(b"pay")
    objects.put_object(tmp_path / "demo", source, "")
    assert target.read_bytes() == b"payload"


def test_a_damaged_object_stops_the_commit(tmp_path):
    manifest = draft(tmp_path).build()
    path = tmp_path / "demo" / manifest.core.files[0].object_path
    payload = bytearray(path.read_bytes())
    payload[len(payload) // 2] ^= 1
    path.unlink()
    path.write_bytes(payload)
    with pytest.raises(CorruptFileError, match=manifest.core.files[0].path):
        store.commit(tmp_path / "demo", manifest)
    with pytest.raises(UsageError):
        open_version(tmp_path / "demo")


def test_a_manifest_that_contradicts_itself_is_refused(tmp_path):
    manifest = draft(tmp_path).build()
    folder = tmp_path / "demo"
    with pytest.raises(PublishError, match="digest"):
        store.commit(folder, manifest.model_copy(update={"core_digest": "sha256:" + "0" * 64}))
    lost = StageFacts(stage="decide", records_in=3, kept=1, dropped={"a": 1}, quarantined={})
    unbalanced = manifest.core.model_copy(update={"stages": (lost,)})
    with pytest.raises(AccountingError, match="decide"):
        store.commit(
            folder,
            manifest.model_copy(
                update={"core": unbalanced, "core_digest": digest_core(unbalanced)}
            ),
        )
    assert list_versions(folder) == []


def test_small_files_are_canonical_json(tmp_path):
    draft(tmp_path).publish()
    for path in ("versions/1.0.0.json", "refs/latest.json"):
        payload = (tmp_path / "demo" / path).read_bytes()
        assert payload.endswith(b"}\n")
        assert json.loads(payload)["version"] == "1.0.0"
