"""What writes parts of the package: `make generate`."""
