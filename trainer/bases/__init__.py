"""Base models: the catalogue, those an operator imported, and the locked door they come in by."""
