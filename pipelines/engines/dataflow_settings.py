"""Settings of a Dataflow run: what to ask the service for, known before Beam is imported."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gristmill.schemas.errors import UsageError
from gristmill.schemas.identity import hash_parts
from gristmill.schemas.places import StorePath, find_place, find_scheme

#: Four cores with 32 GiB: four children at a recipe's default of 4 GiB, and their harnesses.
DEFAULT_MACHINE = "n2-highmem-4"
#: Dataflow gives a batch worker 25 GB, of which a container takes some; children work on the rest.
DEFAULT_DISK_GB = 50
#: Resident: Beam's worker about 0.2 GiB, and what a partition's chunks take while stored.
HARNESS_BYTES = 1 << 30
#: The most that machine types of a kind have for each core, over all series.
GIB_PER_CORE = {"highcpu": 2.0, "standard": 4.0, "highmem": 8.0}
JOB_NAME_LENGTH = 63  # of a label's value, which Dataflow makes of it

_CORES = re.compile(r"[a-z]\w*-(?P<kind>[a-z]+)-(?P<cores>\d+)(?:-(?P<mib>\d+))?(?:-\w+)*")
_BUCKET = re.compile(r"[a-z0-9][-_a-z0-9.]{1,220}[a-z0-9]")
_PROJECT = re.compile(r"[a-z][a-z0-9.:-]{4,61}[a-z0-9]")
_REGION = re.compile(r"[a-z]+(?:-[a-z]+)+\d+")


@dataclass(frozen=True)
class DataflowSettings:
    """What the command line says about Dataflow; see `add_dataflow_flags`."""

    project: str | None = None
    region: str | None = None
    image: str | None = None  # of workers, with the launcher's wheel
    temp_location: str | None = None
    staging_location: str | None = None
    service_account: str | None = None
    subnetwork: str | None = None
    machine_type: str = DEFAULT_MACHINE
    max_machines: int | None = None
    disk_gb: int = DEFAULT_DISK_GB
    service_options: tuple[str, ...] = ()

    def require_account(self) -> None:
        """Check that all is said without which no job can be submitted.

        Raises:
            UsageError: names what is missing.
        """
        needed = {"--project": self.project, "--region": self.region, "--image": self.image}
        missing = [flag for flag, value in needed.items() if not value]
        if missing:
            raise UsageError(
                f"--engine dataflow needs {' and '.join(missing)}; --dry-run does without and "
                "shows what would be submitted"
            )

    def stand_in(self) -> "DataflowSettings":
        """With names for what a dry run may leave out; Beam would ask gcloud for a region."""
        return replace(
            self,
            project=self.project or "your-project",
            region=self.region or "us-central1",
            image=self.image or "gristmill-workers",
        )

    def check(self) -> None:
        """Check what is said.

        Raises:
            UsageError: a value that Dataflow would refuse, minutes later.
        """
        if self.project is not None and not _PROJECT.fullmatch(self.project):
            raise UsageError(
                f"--project {self.project!r}: give the project's id, not name or number"
            )
        if self.region is not None and not _REGION.fullmatch(self.region):
            raise UsageError(f"--region {self.region!r}: give a region such as europe-west4")
        for flag, place in (
            ("--temp-location", self.temp_location),
            ("--staging-location", self.staging_location),
        ):
            if place is not None:
                require_bucket(place, flag)
        if self.max_machines is not None and self.max_machines < 1:
            raise UsageError(f"--max-machines must be at least 1, not {self.max_machines}")
        measure_machine(self.machine_type)


def require_bucket(text: str, what: str) -> StorePath:
    """A place of Cloud Storage.

    Args:
        text: an address.
        what: flag or field that it stands in, for the message.

    Raises:
        UsageError: any other place; workers share nothing else.
    """
    if find_scheme(text) != "gs":
        raise UsageError(
            f"{what} {text!r}: Dataflow's workers share no disk, give gs://BUCKET/FOLDER"
        )
    place = find_place(text)
    assert isinstance(place, StorePath)
    if not _BUCKET.fullmatch(place.bucket):
        # Beam would make a bucket of its own instead.
        raise UsageError(f"{what} {text!r}: no bucket can be called {place.bucket!r}")
    return place


def measure_machine(machine_type: str) -> tuple[int, float | None]:
    """Cores of a machine type, and the most memory that it can have, in GiB where known.

    Raises:
        UsageError: its name does not say how many cores it has.
    """
    match = _CORES.fullmatch(machine_type)
    if match is None:
        raise UsageError(
            f"--machine-type {machine_type!r} does not say how many cores it has: name one such "
            f"as {DEFAULT_MACHINE}"
        )
    cores = int(match["cores"])
    if match["kind"] == "custom" and match["mib"]:
        return cores, int(match["mib"]) / 1024
    per_core = GIB_PER_CORE.get(match["kind"])
    return cores, None if per_core is None else cores * per_core


def count_memory(machine_type: str, workers: int, child_bytes: int) -> int:
    """Bytes that one machine needs when each of its children is as large as it may be.

    Dataflow starts one harness a core, which handles one bundle at a time (see
    `dataflow.DataflowEngine.options`) and keeps `workers` children; with more than
    one each, there is a single harness a machine.

    Args:
        machine_type: such as ``n2-highmem-4``.
        workers: children of each harness.
        child_bytes: the recipe's ``limits.child_memory_bytes``.

    Raises:
        UsageError: the machine has less.
    """
    cores, gib = measure_machine(machine_type)
    harnesses = cores if workers == 1 else 1
    needed = harnesses * (workers * child_bytes + HARNESS_BYTES)
    if gib is not None and needed > gib * (1 << 30):
        children = harnesses * workers
        raise UsageError(
            f"--machine-type {machine_type} has {gib:g} GiB, but {children} children of "
            f"{child_bytes / (1 << 30):g} GiB each (the recipe's limits.child_memory_bytes) and "
            f"their harnesses need {needed / (1 << 30):g} GiB: name a larger machine"
        )
    return needed


def name_job(dataset: str, step: str, unit_list: str) -> str:
    """Name a step's job.

    The same step of the same output has the same name, and Dataflow refuses a second
    job of a name while the first is active: two launchers never do the same work.

    Returns:
        ``gristmill-<dataset>-<step>-<8 hex digits>``, at most 63 of a-z, 0-9 and hyphen.
    """
    end = f"-{_plain(step)}-{hash_parts('job', unit_list, size=4).hex()}"
    start = f"gristmill-{_plain(dataset)}"[: JOB_NAME_LENGTH - len(end)].rstrip("-")
    return start + end


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def add_dataflow_flags(verb: argparse.ArgumentParser) -> None:
    """Flags of a verb that runs stages; `read_settings` reads them."""
    group = verb.add_argument_group("Dataflow")
    group.add_argument(
        "--dry-run", action="store_true", help="build and check every job, submit and read nothing"
    )
    group.add_argument("--project", help="id of the Google Cloud project")
    group.add_argument("--region", help="where workers run, such as europe-west4")
    group.add_argument(
        "--image", help="container image of workers; see `gristmill engines files dataflow`"
    )
    group.add_argument(
        "--temp-location", metavar="URL", help="gs:// folder; default: beside the output"
    )
    group.add_argument("--staging-location", metavar="URL", help="gs:// folder; default: as temp")
    group.add_argument("--service-account", metavar="EMAIL", help="what workers run as")
    group.add_argument("--subnetwork", metavar="URL", help="network of workers")
    group.add_argument("--machine-type", default=DEFAULT_MACHINE, help="machine of a worker")
    group.add_argument("--max-machines", type=int, help="workers at most")
    group.add_argument("--disk-gb", type=int, default=DEFAULT_DISK_GB, help="disk of a worker")
    group.add_argument(
        "--service-option",
        metavar="NAME[=VALUE]",
        action="append",
        default=[],
        help="option of the Dataflow service",
    )


def read_settings(options: argparse.Namespace) -> DataflowSettings:
    """What the flags of `add_dataflow_flags` say.

    Raises:
        UsageError: a value that Dataflow would refuse.
    """
    settings = DataflowSettings(
        project=options.project,
        region=options.region,
        image=options.image,
        temp_location=options.temp_location,
        staging_location=options.staging_location,
        service_account=options.service_account,
        subnetwork=options.subnetwork,
        machine_type=options.machine_type,
        max_machines=options.max_machines,
        disk_gb=options.disk_gb,
        service_options=tuple(options.service_option),
    )
    settings.check()
    return settings


def write_flags(settings: DataflowSettings, temp: str) -> Sequence[str]:
    """Beam's options for settings.

    Args:
        settings: checked; project, region and image are there.
        temp: where Dataflow keeps what it stages, unless the settings say.
    """
    given = {
        "project": settings.project,
        "region": settings.region,
        "sdk_container_image": settings.image,
        "temp_location": settings.temp_location or temp,
        "staging_location": settings.staging_location,
        "service_account_email": settings.service_account,
        "subnetwork": settings.subnetwork,
        "machine_type": settings.machine_type,
        "max_num_workers": settings.max_machines,
        "disk_size_gb": settings.disk_gb,
    }
    flags = [f"--{name}={value}" for name, value in given.items() if value is not None]
    return [*flags, *(f"--dataflow_service_options={text}" for text in settings.service_options)]
