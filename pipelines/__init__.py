"""Everything that runs: sources, stages, worker pool, exchange, engines, publishing, report, CLI.

Apache Beam is imported here and nowhere else, and only when a stage runs.
"""
