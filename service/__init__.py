"""The command line and, above it, HTTP. Imports export's read side and data; never trainer, torch or lightning."""
