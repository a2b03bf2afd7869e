"""What a predicted run costs on each engine: hours, core-hours, money.

The prices are assumptions: list prices of large clouds in US regions as commonly
quoted in early 2025, rounded. They stand here to be replaced by those one pays
(``--price-per-core-hour`` and the fields of `Prices`), and no total is exact.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from gristmill.pipelines.scaling.model import StepLoad
from gristmill.schemas.yaml_files import Frozen

GIGABYTE = 1e9


class Prices(Frozen):
    """What is paid, in dollars; None is the engine's own assumption.

    Attributes:
        core_hour: one core with its memory, for an hour.
        gigabyte_month: storage of one gigabyte for a month.
        shuffled_gigabyte: one gigabyte through a shuffle that is billed apart.
        million_requests: a million opened files, where the work lies in an object store.
    """

    core_hour: float | None = None
    gigabyte_month: float = 0.023
    shuffled_gigabyte: float | None = None
    million_requests: float = 0.4


class EngineProfile(Frozen):
    """How an engine runs the jobs of a run.

    Attributes:
        name: as ``--engine`` has it.
        shuffles: rows cross units by its own shuffle; else by exchange files.
        job_seconds: start and end of one job; a run is a job a step. Measured embedded
            and on Spark, with two one-core workers on loopback. Flink's is an assumption, as
            is Dataflow's, whose machines start with each job.
        shuffle_cpu_seconds: CPU seconds for each gigabyte shuffled: chunks encoded, sent,
            grouped and decoded. Spark: what ``FULL=1 make bench NAME=spark`` took more than
            embedded, from 62,500 to 500,000 pages (28 and 73 CPU seconds for 2.15 GB more);
            the others are taken to be alike.
        core_hour: assumed price of a core with 4 GB for an hour.
        shuffled_gigabyte: assumed price; 0 where the workers' own disks do it.
        pays_requests: work lies in an object store.
    """

    name: str
    shuffles: bool
    job_seconds: float
    shuffle_cpu_seconds: float
    core_hour: float
    shuffled_gigabyte: float = 0.0
    pays_requests: bool = True


PROFILES: Mapping[str, EngineProfile] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            EngineProfile(
                name="local",
                shuffles=False,
                job_seconds=0.3,
                shuffle_cpu_seconds=0.0,
                core_hour=0.04,
                pays_requests=False,
            ),
            EngineProfile(
                name="spark",
                shuffles=True,
                job_seconds=3.0,
                shuffle_cpu_seconds=20.0,
                core_hour=0.05,
            ),
            EngineProfile(
                name="flink",
                shuffles=True,
                job_seconds=10.0,
                shuffle_cpu_seconds=20.0,
                core_hour=0.05,
            ),
            EngineProfile(
                name="dataflow",
                shuffles=True,
                job_seconds=240.0,
                shuffle_cpu_seconds=20.0,
                core_hour=0.07,
                shuffled_gigabyte=0.011,
            ),
        )
    }
)


class EngineCost(Frozen):
    """What a run costs on an engine.

    Attributes:
        engine: name.
        workers: cores that are paid for from beginning to end.
        core_hours: of work; low and high by the spread of the sampled units.
        wall_hours: with these workers; steps follow one another, and no step is faster
            than its largest unit.
        shuffle_bytes: that cross units.
        opens: files opened.
        stored_bytes: work files and version, kept for a month.
        compute_price: paid core-hours, idle ones too.
        shuffle_price, storage_price, request_price: the rest.
    """

    engine: str
    workers: int
    core_hours_low: float
    core_hours: float
    core_hours_high: float
    wall_hours: float
    shuffle_bytes: float
    opens: int
    stored_bytes: float
    compute_price: float
    shuffle_price: float
    storage_price: float
    request_price: float

    @property
    def price(self) -> float:
        """The sum, in dollars."""
        return self.compute_price + self.shuffle_price + self.storage_price + self.request_price


def price_steps(
    steps: Sequence[StepLoad], profile: EngineProfile, workers: int, prices: Prices
) -> EngineCost:
    """Price a predicted run.

    Args:
        steps: of a workload whose `shuffles` is the profile's.
        profile: the engine.
        workers: cores, all paid for as long as the run lasts.
        prices: what replaces the profile's assumptions.
    """
    shuffled = sum(step.shuffle_bytes for step in steps)
    engine_seconds = profile.shuffle_cpu_seconds * shuffled / GIGABYTE
    wall = sum(
        max(step.cpu_seconds.middle / workers, step.sequential_seconds) + profile.job_seconds
        for step in steps
    )
    wall += engine_seconds / workers
    core_hour = profile.core_hour if prices.core_hour is None else prices.core_hour
    per_shuffled = (
        profile.shuffled_gigabyte if prices.shuffled_gigabyte is None else prices.shuffled_gigabyte
    )
    opens = sum(step.opens for step in steps)
    stored = sum(step.bytes_written for step in steps)
    low, middle, high = (
        (sum(getattr(step.cpu_seconds, end) for step in steps) + engine_seconds) / 3600
        for end in ("low", "middle", "high")
    )
    return EngineCost(
        engine=profile.name,
        workers=workers,
        core_hours_low=low,
        core_hours=middle,
        core_hours_high=high,
        wall_hours=wall / 3600,
        shuffle_bytes=shuffled,
        opens=opens,
        stored_bytes=stored,
        compute_price=wall / 3600 * workers * core_hour,
        shuffle_price=shuffled / GIGABYTE * per_shuffled,
        storage_price=stored / GIGABYTE * prices.gigabyte_month,
        request_price=opens / 1e6 * prices.million_requests if profile.pays_requests else 0.0,
    )
