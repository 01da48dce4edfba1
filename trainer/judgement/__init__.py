"""Candidate against floor, base and live: figures, their chance, the verdict, the card."""
