"""What redset costs, as ratios within one run: ``python -m benchmarks``."""
