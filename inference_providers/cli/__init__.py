"""The command line: `ask-ai` and `inference-providers`. Parses, calls the facade, prints."""
