"""The Flex Template: its parameters, the one job it starts, and the run in that job."""

import argparse
import json
import re

import pytest
from dataflow_cases import (
    OUTPUT,
    SHIPPED,
    FakeResult,
    answer_with,
    dataflow_v1beta3,
    needs_gcp,
)
from dataflow_cases import (
    no_network as no_network,
)

from gristmill.pipelines.engines import dataflow_conductor, dataflow_settings
from gristmill.pipelines.engines.kernel_cache import DOCUMENTS, RECIPE, make_documents
from gristmill.schemas.errors import EngineError, UsageError

pytestmark = pytest.mark.usefixtures("no_network")

TEMPLATE = json.loads((SHIPPED / "template.json").read_text(encoding="utf-8"))
GOOD = {
    "recipe": "gs://some-bucket/recipes/demo.yaml",
    "output": OUTPUT,
    "image": "europe-west4-docker.example/p/gristmill-workers:1.0",
    "step_machine_type": "n2-highmem-8",
    "step_max_machines": "40",
    "step_disk_gb": "100",
    "step_subnetwork": "regions/europe-west4/subnetworks/mill",
    "step_service_account": "mill@a-project.iam.example.com",
}


@needs_gcp
def test_the_template_is_what_dataflow_reads():
    from google.protobuf import json_format

    message = dataflow_v1beta3.TemplateMetadata.pb(dataflow_v1beta3.TemplateMetadata())
    json_format.ParseDict(TEMPLATE, message)  # refuses unknown fields and types
    assert len(message.parameters) == len(TEMPLATE["parameters"])
    assert all(parameter.label and parameter.help_text for parameter in message.parameters)


def test_parameters_accept_good_values_and_are_flags_of_run():
    parameters = {parameter["name"]: parameter for parameter in TEMPLATE["parameters"]}
    assert set(parameters) == {"recipe", *dataflow_conductor.PARAMETERS} == set(GOOD)
    for name, parameter in parameters.items():
        [pattern] = parameter["regexes"]
        assert re.fullmatch(pattern, GOOD[name]), name
        assert not re.fullmatch(pattern, "; rm -rf /"), name
        assert parameter.get("isOptional", False) == name.startswith("step_")
    arguments = [f"--{name}={value}" for name, value in GOOD.items()]
    recipe, flags, options = dataflow_conductor.read_parameters(
        [*arguments, "--project=a-project", "--region=europe-west4", "--temp_location=gs://b/t"]
    )
    assert recipe == GOOD["recipe"] and "--temp_location=gs://b/t" in options
    assert f"--sdk_container_image={GOOD['image']}" in options
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine")
    parser.add_argument("--output")
    dataflow_settings.add_dataflow_flags(parser)
    parsed = parser.parse_args(flags)
    settings = dataflow_settings.read_settings(parsed)
    settings.require_account()
    assert (parsed.engine, parsed.output) == ("dataflow", OUTPUT)
    assert (settings.max_machines, settings.disk_gb) == (40, 100)


def test_a_recipe_on_a_disk_is_refused():
    with pytest.raises(UsageError, match=r"recipe 'demo\.yaml'"):
        dataflow_conductor.read_parameters(
            ["--recipe=demo.yaml", f"--output={OUTPUT}", "--image=i", "--project=p", "--region=r"]
        )


@needs_gcp
def test_the_template_is_one_job_that_is_not_waited_for(monkeypatch):
    submitted = answer_with(monkeypatch, FakeResult(AssertionError("waited for")))
    arguments = [f"--{name}={value}" for name, value in GOOD.items()]
    dataflow_conductor.launch(
        [
            *arguments,
            "--project=a-project",
            "--region=europe-west4",
            "--temp_location=gs://some-bucket/t",
        ]
    )
    [options] = submitted
    assert (options["num_workers"], options["max_num_workers"]) == (1, 1)
    assert options["machine_type"] == dataflow_conductor.CONDUCTOR_MACHINE


def test_the_conductor_gives_a_runs_last_word(tmp_path):
    lines = [json.dumps(document) for document in make_documents(DOCUMENTS)]
    (tmp_path / "made.jsonl").write_text("\n".join(lines))
    text = RECIPE.replace("[made.jsonl]", f"[{tmp_path / 'made.jsonl'}]")
    recipe = tmp_path / "kernels.yaml"
    recipe.write_text(text.replace("output: run", f"output: {tmp_path / 'run'}"))
    assert dataflow_conductor.conduct_run(str(recipe), []).startswith("kernels 1.0.0 gristmill:")
    recipe.write_text(text.replace("c4_structured", "c4_structure"))
    with pytest.raises(EngineError, match=r"failed: .*c4_structure"):
        dataflow_conductor.conduct_run(str(recipe), [])
