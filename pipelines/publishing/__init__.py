"""Immutable dataset versions: store, commit point, card, verification."""
