"""An attack on the package: what docs/security.md promises, tried at random. `python -m benchmarks.attack`."""
