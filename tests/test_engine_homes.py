"""Engine homes: which one is found, and what is noticed of damage and other versions."""

import json
import threading

import pytest
from fake_machines import make_machine, read_calls, release_server, say_nothing

from gristmill.pipelines.engines import homes
from gristmill.pipelines.engines.homes import EngineError, check_engine, find_engine
from gristmill.pipelines.engines.installation import install_engine


@pytest.fixture
def machine(tmp_path, monkeypatch):
    return make_machine(tmp_path, monkeypatch)


def test_truncated_jar_is_noticed_and_mended(machine):
    home = install_engine("spark", say_nothing)
    home.class_path[1].write_text("c")
    with pytest.raises(
        EngineError, match=r"is damaged \(engine/core-1.jar .* engines install spark"
    ):
        find_engine("spark")
    assert check_engine(install_engine("spark", say_nothing)) == []


def test_changed_byte_is_noticed_and_mended(machine):
    home = install_engine("spark", say_nothing)
    home.class_path[1].write_text("cure\n")
    assert find_engine("spark") == home  # sizes are right
    (fault,) = check_engine(home)
    assert "core-1.jar is damaged: run gristmill engines install spark" in fault
    home.class_path[1].unlink()
    (fault,) = check_engine(home)
    assert "core-1.jar is missing" in fault
    assert check_engine(install_engine("spark", say_nothing)) == []


def test_missing_engine(machine):
    with pytest.raises(
        EngineError, match=r"^Spark is not installed: run gristmill engines install spark$"
    ):
        find_engine("spark")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"engine_version": "3.4.1"}, "holds Spark 3.4.1 with Beam 2.62.0, but this gristmill"),
        ({"beam_version": "2.50.0"}, "holds Spark 3.5.0 with Beam 2.50.0, but this gristmill"),
        ({"format": 99}, "is of another gristmill"),
    ],
)
def test_other_version_is_named(machine, change, sentence):
    path = install_engine("spark", say_nothing).folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(EngineError, match=sentence):
        find_engine("spark")


def test_broken_manifest(machine):
    path = install_engine("spark", say_nothing).folder / "manifest.json"
    path.write_text("{")
    with pytest.raises(EngineError, match="cannot be read: run gristmill engines install spark"):
        find_engine("spark")


def test_last_installed_is_found(machine):
    release_server(machine, "spark")
    parts = install_engine("spark", say_nothing)
    released = install_engine("spark", say_nothing, released=True)
    assert parts != released == find_engine("spark")
    calls = len(read_calls(machine))
    assert install_engine("spark", say_nothing) == parts == find_engine("spark")
    assert check_engine(parts) == check_engine(released) == []
    assert len(read_calls(machine)) == calls
    visible = {path.name for path in parts.folder.parent.iterdir() if path.name[0] != "."}
    assert visible == {parts.folder.name, released.folder.name, "spark.current"}


def test_pointer_appears_whole(machine):
    release_server(machine, "spark")
    known = [install_engine("spark", say_nothing, released=released) for released in (True, False)]
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for home in known:
                homes.point_to(home)

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        found = [find_engine("spark") for _ in range(200)]
    finally:
        stop.set()
        swapper.join()
    assert {home.form for home in found} == {"parts", "released"}
    assert all(home in known for home in found)


def test_home_of_before_forms_is_found(machine):
    home = install_engine("spark", say_nothing)
    (machine / "engines" / "spark.current").unlink()
    path = home.folder / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["form"]
    path.write_text(json.dumps(manifest))
    assert find_engine("spark") == home
    assert check_engine(home) == []


@pytest.mark.parametrize("name", ["", "../elsewhere", "flink-2.62.0", "spark-1/../../x"])
def test_foreign_pointer(machine, name):
    home = install_engine("spark", say_nothing)
    (machine / "engines" / "spark.current").write_text(name)
    with pytest.raises(
        EngineError, match=r"spark\.current names no folder of an engine: run grist"
    ):
        find_engine("spark")
    assert install_engine("spark", say_nothing) == home == find_engine("spark")


def test_released_home_of_another_beam(machine, monkeypatch):
    release_server(machine, "spark")
    home = install_engine("spark", say_nothing, released=True)
    monkeypatch.setattr(homes, "version", lambda name: "2.99.0")
    with pytest.raises(EngineError) as caught:
        find_engine("spark")
    assert str(caught.value) == (
        f"{home.folder} holds Spark 3.5.0 with Beam {home.beam_version}, but apache-beam in "
        "Python is 2.99.0: run gristmill engines install spark --released"
    )
    assert install_engine("spark", say_nothing, released=True).beam_version == "2.99.0"


def test_damaged_released_home(machine):
    release_server(machine, "flink")
    home = install_engine("flink", say_nothing, released=True)
    jar = home.class_path[0]
    content = jar.read_bytes()
    jar.write_bytes(content[::-1])
    (fault,) = check_engine(home)
    assert fault == f"{jar} is damaged: run gristmill engines install flink --released"
    jar.write_bytes(content[:-1])
    with pytest.raises(EngineError, match=r"damaged \(job-server.jar .* flink --released$"):
        find_engine("flink")
    assert check_engine(install_engine("flink", say_nothing, released=True)) == []
    assert jar.read_bytes() == content
