"""The recipe of the workers' image: read as text, for no container engine is here."""

import re
import subprocess
import tomllib
from importlib import metadata

import pytest
from dataflow_cases import REPOSITORY, SHIPPED

from gristmill.pipelines.engines.container_files import FILES, list_versions, write_files
from gristmill.schemas.errors import UsageError


def read_stages(name):
    """Build stages of a container recipe: lists of (instruction, rest)."""
    text = re.sub(r"\\\n", " ", (SHIPPED / name).read_text(encoding="utf-8"))
    lines = [line.split(None, 1) for line in text.splitlines() if line and line[0] != "#"]
    stages, arguments = [], {}
    for word, rest in lines:
        if word == "ARG":
            key, _, value = rest.partition("=")
            arguments[key] = value
        elif word == "FROM":
            stages.append([(word, re.sub(r"\$\{(\w+)\}", lambda m: arguments[m[1]], rest))])
        else:
            stages[-1].append((word, rest))
    return stages


def test_the_image_is_of_the_beam_that_is_locked():
    locked = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8")
    [version] = re.findall(r"^apache-beam==(\S+)$", locked, re.MULTILINE)
    assert metadata.version("apache-beam") == version
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    oldest = re.search(r">=(3\.\d+)", project["project"]["requires-python"])[1]
    stages = read_stages("Containerfile")
    base = f"apache/beam_python{oldest}_sdk:{version}"
    assert [stage[0][1] for stage in stages] == [f"{base} AS wheels", base]


def test_the_image_keeps_its_entrypoint_and_has_a_cache_for_any_user():
    worker = read_stages("Containerfile")[-1]
    assert worker[-1] == ("ENTRYPOINT", '["/opt/apache/beam/boot"]')
    settings = " ".join(rest for word, rest in worker if word == "ENV")
    commands = [rest for word, rest in worker if word == "RUN"]
    [cache] = re.findall(r"NUMBA_CACHE_DIR=(\S+)", settings)
    assert any(f"chmod -R a+rwX {cache}" in command for command in commands)
    assert any("engines.kernel_cache" in command for command in commands)
    assert "TMPDIR=/tmp" in settings and 'NUMBA_CPU_FEATURES=""' in settings
    assert any("--no-index" in command for command in commands), "nothing is compiled here"
    assert not any(word == "USER" for word, _ in worker), "Dataflow says who runs it"


def test_the_template_image_starts_googles_launcher():
    launcher, template = read_stages("Containerfile.template")
    assert launcher[0] == ("FROM", " AS launcher")
    settings = " ".join(rest for word, rest in template if word == "ENV")
    assert "FLEX_TEMPLATE_PYTHON_PY_FILE=/opt/gristmill/launch.py" in settings
    assert ("COPY", "launch.py /opt/gristmill/launch.py") in template
    assert template[-1][0] == "ENTRYPOINT" and "python_template_launcher" in template[-1][1]


def test_no_registry_is_named():
    for name in FILES:
        text = (SHIPPED / name).read_text(encoding="utf-8")
        assert not re.search(r"\b(gcr\.io|docker\.io|pkg\.dev|quay\.io|pypi)\b", text), name


def test_files_are_written_once(tmp_path):
    written = write_files(tmp_path / "image")
    assert [path.name for path in written] == sorted([*FILES, "constraints.txt"])
    assert write_files(tmp_path / "image") == written
    (tmp_path / "image" / "build.sh").write_text("mine")
    with pytest.raises(UsageError, match=r"build\.sh exists and differs"):
        write_files(tmp_path / "image")


def test_the_lock_of_the_image_is_this_installation():
    lines = list(list_versions())
    assert f"numpy=={metadata.version('numpy')}" in lines
    assert not any(line.startswith("gristmill==") for line in lines)
    assert all(re.fullmatch(r"[\w.-]+==[\w.!-]+", line) for line in lines)


def test_the_build_script_parses_and_says_its_usage(tmp_path):
    subprocess.run(["sh", "-n", SHIPPED / "build.sh"], check=True)
    done = subprocess.run(["sh", SHIPPED / "build.sh"], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("usage: sh build.sh SOURCE")
