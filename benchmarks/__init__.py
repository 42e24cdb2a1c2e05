"""Benchmarks, apart from the package: `python -m benchmarks.startup` and `python -m benchmarks.connecting`."""
