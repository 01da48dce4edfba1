"""Typed spans: reading them, learning them, measuring them."""
