"""What ``gristmill engines`` does; thin, as `commands` is."""

import signal
import sys
import threading
from argparse import Namespace
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from gristmill.pipelines.cli_engines import INSTALLABLE
from gristmill.pipelines.progress import Progress
from gristmill.pipelines.workers import ChildLimits
from gristmill.schemas.errors import EngineError, UsageError
from gristmill.schemas.recipe import Recipe

if TYPE_CHECKING:
    from gristmill.pipelines.engines.selection import EngineChoice


#: Stands for the output's bucket where a dry run of a local recipe has none.
STAND_IN_BUCKET = "your-bucket"


def choose_engine(options: Namespace) -> "EngineChoice":
    """Read the engine flags of a verb."""
    from gristmill.pipelines.engines.dataflow_settings import read_settings
    from gristmill.pipelines.engines.selection import EngineChoice

    masters = {"spark": options.spark_master, "flink": options.flink_master}
    for name, master in masters.items():
        if master is not None and name != options.engine:
            raise UsageError(f"--{name}-master is for --engine {name}, not {options.engine}")
    return EngineChoice(
        name=options.engine,
        workers=options.workers,
        exchange=options.exchange,
        master=masters.get(options.engine),
        worker_pool=options.worker_pool,
        worker_command=options.worker_command,
        spark_submit=options.spark_submit,
        parallelism=options.parallelism,
        executor_memory=options.executor_memory,
        spark_conf=tuple(options.spark_conf),
        beam_options=tuple(options.beam_option),
        dataflow=read_settings(options),
    )


def print_dry_run(recipe: Recipe, choice: "EngineChoice") -> int:
    """Build and check the job of every step, and print a line for each."""
    from gristmill.pipelines.engines.dataflow_graphs import dry_run
    from gristmill.pipelines.engines.selection import make_dataflow

    if choice.name != "dataflow":
        raise UsageError("--dry-run is for --engine dataflow; `gristmill plan` lists inputs")
    output = str(recipe.output_path)
    if isinstance(recipe.output_path, Path):
        output = f"gs://{STAND_IN_BUCKET}/{recipe.name}"
        _say(f"the output {recipe.output_path} is local: checked as if it were {output}")
    choice = replace(choice, dataflow=choice.dataflow.stand_in())
    limits, dataset = ChildLimits.of(recipe), recipe.publishing.dataset
    engine = make_dataflow(choice, limits, output, _say, dataset)
    print("step\ttransforms\tgraph_bytes\tgroupings\tkey_coders\thints\tjob")
    for step in dry_run(recipe, engine, output, _say):
        hints = ",".join(f"{name}={value}" for name, value in sorted(step.hints.items()))
        coders = ",".join(step.key_coders) or "-"
        print(
            f"{step.step}\t{step.transforms}\t{step.graph_bytes}\t{step.groupings}\t{coders}"
            f"\t{hints}\t{step.job_name}"
        )
    return 0


def estimate(options: Namespace) -> int:
    """Run a few input files and scale what they cost to all of them."""
    from gristmill.pipelines.engines.embedded import EmbeddedEngine
    from gristmill.pipelines.engines.graph import Crew
    from gristmill.pipelines.recipe_checks import load_checked
    from gristmill.pipelines.scaling.costs import PROFILES, Prices
    from gristmill.pipelines.scaling.estimates import Forecast, estimate_recipe
    from gristmill.pipelines.scaling.tables import render_estimate
    from gristmill.pipelines.workers import close_pools

    recipe = load_checked(Path(options.recipe))
    limits = ChildLimits.of(recipe)
    forecast = Forecast(
        options.documents,
        (options.engine,) if options.engine else tuple(PROFILES),
        options.cores,
        Prices(core_hour=options.price_per_core_hour),
    )
    try:
        found = estimate_recipe(
            recipe,
            execute=EmbeddedEngine(Crew(options.workers, limits)).execute,
            progress=Progress(quiet=options.quiet),
            sample_units=options.sample,
            forecast=forecast,
        )
    finally:
        close_pools()
    print(found.model_dump_json(indent=2) if options.json else render_estimate(found))
    return 0


def engines(options: Namespace) -> int:
    """Install, list or check engines, or serve workers."""
    actions = {
        "install": _install,
        "list": _list_engines,
        "check": _check,
        "files": _write_files,
        "guide": _print_guide,
        "workers": _serve_workers,
    }
    return actions[options.action](options)


def _say(message: str) -> None:
    print(message, file=sys.stderr)


def _install(options: Namespace) -> int:
    from gristmill.pipelines.engines.installation import install_engine

    print(install_engine(options.name, _say, released=options.released).folder)
    return 0


def _list_engines(options: Namespace) -> int:
    from gristmill.pipelines.engines.installation import find_engine, find_java
    from gristmill.pipelines.engines.servers import find_prism

    print("local\tready")
    for name in INSTALLABLE:
        try:
            home = find_engine(name)
            print(
                f"{name}\tready: {home.engine_version}, Java {find_java().version}, {home.folder}"
            )
        except EngineError as error:
            print(f"{name}\t{error}")
    try:
        print(f"prism\tready: {find_prism()}")
    except EngineError as error:
        print(f"prism\t{error}")
    print("dataflow\tneeds a project: see `gristmill run --engine dataflow --dry-run`")
    return 0


def _check(options: Namespace) -> int:
    from gristmill.pipelines.engines.installation import check_engine, find_engine

    home = find_engine(options.name)
    faults = check_engine(home)
    for fault in faults:
        print(fault)
    if not faults:
        print(f"{options.name} {home.engine_version}: files as installed in {home.folder}")
    return 1 if faults else 0


def _write_files(options: Namespace) -> int:
    from gristmill.pipelines.engines.container_files import write_files

    for path in write_files(Path(options.folder)):
        print(path)
    return 0


def _print_guide(options: Namespace) -> int:
    guide = resources.files("gristmill.pipelines") / "guides" / f"{options.name}.md"
    print(guide.read_text(encoding="utf-8"), end="")
    return 0


def _serve_workers(options: Namespace) -> int:
    from gristmill.pipelines.engines.worker_pools import start_pool

    pool = start_pool(options.port, options.host)
    _say(f"serving Python workers on {options.host}:{options.port}; interrupt to stop")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
    pool.stop()
    return 0
