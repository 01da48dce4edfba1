"""Selecting replies: the dual encoder, and how well it finds the true reply."""
