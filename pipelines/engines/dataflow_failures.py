"""Failures of Dataflow jobs, told in one sentence each."""

import re

from gristmill.pipelines.engines.failures import recognise_failure
from gristmill.pipelines.engines.processes import find_complaint
from gristmill.schemas.errors import EngineError, GristmillError

#: (what the text holds, what it means), the first that matches.
MEANINGS = (
    (
        re.compile(r"[Dd]efault credentials were not found|Anonymous caller|401\b.*(?i:auth)"),
        "there are no Google Cloud credentials: run `gcloud auth application-default login`, or "
        "name a key file in GOOGLE_APPLICATION_CREDENTIALS",
    ),
    (
        re.compile(r"[Rr]eauthentication is needed|invalid_grant|Token has been expired"),
        "the Google Cloud credentials have expired: run `gcloud auth application-default login`",
    ),
    (
        re.compile(r"already (?:an )?active job named ([a-z0-9-]+)(?: with id: ([\w-]+))?"),
        "a job named {0} is still running: wait for it or cancel it, then run the same command "
        "again",
    ),
    (
        re.compile(r"has not been used in project|SERVICE_DISABLED|API is not enabled"),
        "an API is not enabled: run `gcloud services enable dataflow.googleapis.com "
        "compute.googleapis.com storage.googleapis.com` for the project",
    ),
    (
        re.compile(r"iam\.serviceAccounts\.actAs|serviceAccountUser"),
        "you may not act as the workers' service account: grant yourself "
        "roles/iam.serviceAccountUser on it",
    ),
    (
        re.compile(r"ZONE_RESOURCE_POOL_EXHAUSTED|stockout|does not have enough resources"),
        "the region has no such machines left now: try again later, or name another --region or "
        "--machine-type",
    ),
    (
        re.compile(
            r"(?i)quota[ _']*(?:metric )?'?([A-Z][A-Z_]+)?'?[^\n]*exceeded|exceeded[^\n]*quota|"
            r"insufficient[^\n]*quota|QUOTA_EXCEEDED"
        ),
        "the project's quota is used up: lower --max-machines, or ask for more quota (CPUs, "
        "addresses and disk of the region)",
    ),
    (
        re.compile(
            r"(?i)failed to pull image|imagepullbackoff|errimagepull|manifest unknown|"
            r"error syncing pod"
        ),
        "workers cannot pull or start the container of --image: push it, let the workers' "
        "service account read it, and keep its entrypoint",
    ),
    (
        re.compile(
            r"(?i)out of memory|oom[- ]kill|lost contact with the service|worker lost contact"
        ),
        "workers died, mostly for lack of memory: name a --machine-type with more for each core",
    ),
    (
        re.compile(r"(?i)no space left on device"),
        "a worker's disk is full: give more with --disk-gb",
    ),
    (
        re.compile(r"(?i)subnetwork|network [^\n]*(?:not found|not accessible|does not exist)"),
        "the workers' network cannot be used: name one of the region with --subnetwork",
    ),
    (
        re.compile(r"(?i)404[^\n]*(?:bucket|gs://)|bucket[^\n]*(?:not found|does not exist)"),
        "the bucket of the output or of --temp-location does not exist: make it in the region",
    ),
    (
        re.compile(r"(?i)permission|403|forbidden|access denied"),
        "Google Cloud refuses it: you need roles/dataflow.developer, and the workers' service "
        "account roles/dataflow.worker and roles/storage.objectAdmin on the buckets",
    ),
    (
        re.compile(r"No module named 'gristmill"),
        "the container of --image holds no gristmill: build it from `gristmill engines files "
        "dataflow`",
    ),
    (
        re.compile(r"State: CANCELLED"),
        "the job was cancelled; the same command goes on from there",
    ),
    (
        re.compile(
            r"did not reach to a terminal state|Connection (?:reset|refused|aborted)|"
            r"ServiceUnavailable|503|Failed to resolve|Max retries"
        ),
        "Google Cloud cannot be reached any more; the job may go on: look at it, then run the "
        "same command again",
    ),
)


def explain_dataflow_failure(step: str, text: str, job: str) -> GristmillError:
    """Make an error of what Beam or Dataflow said.

    Args:
        step: the step whose job it was.
        text: an exception's text, often with a worker's whole stack.
        job: how to find the job in the console; empty when there is none.
    """
    where = f" ({job})" if job else ""
    known = recognise_failure(text, MEANINGS, f"Dataflow, {step}: ", where)
    complaint = find_complaint(text)
    return known or EngineError(f"Dataflow could not run {step}: {complaint}{where}")
