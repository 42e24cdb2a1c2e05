"""Frameworks over a routed client: `make test-frameworks` installs them, each with the SDK that it wants, and runs these."""
