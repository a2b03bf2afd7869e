"""Rules as other tools count them: one module per dialect, each with signals and tables of its own.

A dialect differs from the reference definition in what it calls a word, a line, a copy.
It measures columns named ``<metric>@<dialect>``; its tables bound those columns.
"""
