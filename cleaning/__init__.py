"""Bytes to documents, documents to signals, signals and policy to verdicts. No Beam, no torch."""
