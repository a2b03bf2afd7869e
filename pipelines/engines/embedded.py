"""The embedded engine: Beam's FnApiRunner in this process, work in its children."""

import logging
from dataclasses import dataclass, field

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from gristmill.pipelines.engines.graph import Crew, Job, build_graph
from gristmill.schemas.errors import UnitFailedError
from gristmill.schemas.places import Place


@dataclass(frozen=True)
class EmbeddedEngine:
    """Runs jobs in this process; rows cross units by partition files unless told otherwise."""

    crew: Crew = field(default_factory=Crew)
    shuffles: bool = False

    def options(self) -> PipelineOptions:
        """Pipeline options; plain DirectRunner would try a download at every start."""
        return PipelineOptions([], runner="FnApiRunner")

    def execute(self, unit_list: Place) -> None:
        """Run every unit of a list file and wait for the end.

        Raises:
            UnitFailedError: a unit failed for a reason that is not one document's.
        """
        # A failed unit is one sentence; Beam would print its whole stack for each retry.
        logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
        try:
            with beam.Pipeline(options=self.options()) as pipeline:
                build_graph(pipeline, Job.read(unit_list), self.crew, shuffles=self.shuffles)
        except UnitFailedError as error:
            # Beam adds which step of its graph was running, which says nothing to a user.
            raise UnitFailedError(str(error).partition(" [while running")[0]) from None
