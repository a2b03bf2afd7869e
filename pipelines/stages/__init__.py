"""The six stages: what each plans, and what one unit of it does inside a child process."""
