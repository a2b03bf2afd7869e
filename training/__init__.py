"""Loader, model, pretraining, evaluation and generation on published versions. No Beam."""
