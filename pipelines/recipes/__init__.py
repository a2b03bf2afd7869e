"""Shipped recipes; each is also a test case."""
