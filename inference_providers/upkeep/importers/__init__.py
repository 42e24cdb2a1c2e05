"""Importers: public catalogues in, `inference-providers.json` out."""
