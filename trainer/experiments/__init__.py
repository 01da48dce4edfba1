"""Experiments: files in, report out, no database."""
