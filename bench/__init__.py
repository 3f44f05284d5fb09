"""How fast the hot paths are, as ratios to what stock Django does for the same. `make bench` runs it."""
