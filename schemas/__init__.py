"""What the folders agree on: tables, recipe, manifests, ledger records, errors, seeds."""
