"""Makes runs: fine-tunes, evaluates, decides and publishes. Imports export and data, never service."""
