"""Which Java is found, and what is said of one that does not serve."""

import pytest
from fake_machines import make_machine, say_nothing, write_java, write_script

from gristmill.pipelines.engines.installation import install_engine
from gristmill.pipelines.engines.java_runtime import find_java, java_flags
from gristmill.schemas.errors import EngineError


@pytest.fixture
def machine(tmp_path, monkeypatch):
    return make_machine(tmp_path, monkeypatch)


def test_no_java(machine, monkeypatch):
    empty = machine / "empty"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    with pytest.raises(EngineError, match="no Java is installed: install Java 11 or 17"):
        install_engine("spark", say_nothing)


@pytest.mark.parametrize(
    ("text", "version"), [("17.0.9", 17), ("11.0.20", 11), ("17", 17), ("17-ea", 17)]
)
def test_java_version_is_read(machine, text, version):
    write_java(machine / "bin" / "java", text)
    java = find_java()
    assert (java.path, java.version) == (machine / "bin" / "java", version)
    assert ("--add-opens=java.base/java.nio=ALL-UNNAMED" in java_flags(java)) == (version == 17)


@pytest.mark.parametrize(("text", "age"), [("1.8.0_392", "8, too old"), ("21.0.1", "21, too new")])
def test_unsupported_java(machine, text, age):
    write_java(machine / "bin" / "java", text)
    with pytest.raises(EngineError, match=f"is Java {age} for Spark and Flink: install Java 11"):
        find_java()


def test_java_home_comes_first(machine, monkeypatch):
    write_java(machine / "jdk" / "bin" / "java", "11.0.2")
    monkeypatch.setenv("JAVA_HOME", str(machine / "jdk"))
    assert find_java().version == 11
    monkeypatch.setenv("JAVA_HOME", str(machine / "nothing"))
    with pytest.raises(EngineError, match=r"nothing, which has no bin/java: correct or unset it"):
        find_java()


def test_broken_java(machine):
    write_script(machine / "bin" / "java", "#!/bin/sh\nexit 3\n")
    with pytest.raises(EngineError, match="failed with exit code 3: install Java again"):
        find_java()
