"""What the command line may say about Dataflow, and what becomes of it."""

import argparse
import re

import pytest
from dataflow_cases import make_engine
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines.engines import dataflow_settings
from gristmill.pipelines.engines.dataflow_settings import DataflowSettings
from gristmill.schemas.errors import UsageError


def read_flags(*arguments):
    parser = argparse.ArgumentParser(exit_on_error=False)
    dataflow_settings.add_dataflow_flags(parser)
    return dataflow_settings.read_settings(parser.parse_args(arguments))


@given(st.text(max_size=80), st.sampled_from(["collect", "deduplicate.connect"]), st.text())
def test_job_names_are_what_dataflow_takes(dataset, step, place):
    name = dataflow_settings.name_job(dataset, step, place)
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name)
    assert len(name) <= 63
    assert name.startswith("gristmill") and step.replace(".", "-") in name
    assert name == dataflow_settings.name_job(dataset, step, place)
    assert name != dataflow_settings.name_job(dataset, step, f"{place}x")


@pytest.mark.parametrize(
    ("machine", "cores", "gib"),
    [
        ("n2-highmem-4", 4, 32.0),
        ("e2-standard-16", 16, 64.0),
        ("c3-standard-8-lssd", 8, 32.0),
        ("n2-custom-6-20480", 6, 20.0),
        ("m1-ultramem-40", 40, None),
    ],
)
def test_machines_say_their_cores(machine, cores, gib):
    assert dataflow_settings.measure_machine(machine) == (cores, gib)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--machine-type", "e2-small"], "how many cores"),
        (["--project", "123456"], "project's id"),
        (["--region", "europe-west4-b"], "a region such as"),
        (["--temp-location", "/tmp"], "gs://BUCKET"),
        (["--staging-location", "s3://a-bucket/x"], "gs://BUCKET"),
        (["--temp-location", "gs://bb/x"], "no bucket can be called 'bb'"),
        (["--max-machines", "0"], "at least 1"),
    ],
)
def test_what_dataflow_would_refuse_is_refused_here(arguments, words):
    with pytest.raises(UsageError, match=re.escape(words)):
        read_flags(*arguments)


def test_flags_become_beam_options():
    settings = read_flags(
        *("--project", "a-project", "--region", "europe-west4", "--image", "workers:1"),
        *("--max-machines", "7", "--service-option", "enable_prime", "--subnetwork", "regions/x/y"),
    )
    flags = dataflow_settings.write_flags(settings, "gs://b/temp")
    for flag in (
        "--sdk_container_image=workers:1",
        "--temp_location=gs://b/temp",
        "--max_num_workers=7",
        "--dataflow_service_options=enable_prime",
        "--subnetwork=regions/x/y",
        f"--machine_type={dataflow_settings.DEFAULT_MACHINE}",
    ):
        assert flag in flags
    assert not any("None" in flag or "service_account" in flag for flag in flags)


def test_a_machine_holds_its_children_at_their_largest():
    gib = 1 << 30
    assert dataflow_settings.count_memory("n2-highmem-4", 1, 4 * gib) == 20 * gib
    assert dataflow_settings.count_memory("n2-highmem-4", 4, 4 * gib) == 17 * gib
    with pytest.raises(UsageError, match="has 16 GiB, but 4 children of 4 GiB"):
        dataflow_settings.count_memory("n2-standard-4", 1, 4 * gib)


def test_what_is_missing_is_named():
    with pytest.raises(UsageError, match="needs --region and --image"):
        DataflowSettings(project="a-project").require_account()
    with pytest.raises(UsageError, match="give gs://BUCKET/FOLDER"):
        make_engine(output="/home/me/out")
