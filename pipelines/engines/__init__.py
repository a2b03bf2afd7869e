"""Engines: what runs the one graph of a step, and what each of them needs."""
