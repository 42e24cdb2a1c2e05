"""`python -m inference_providers` is `inference-providers`."""

from inference_providers.cli.main import main

main(prog_name="inference-providers")
