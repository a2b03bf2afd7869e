"""Near-duplicates: shingles, MinHash, banding, components, verification, keep order. No Beam."""
