"""Generators: chat models that learn to say what the brand says."""
