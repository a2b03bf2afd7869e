"""The run's report: one static HTML file and its JSON twin."""
