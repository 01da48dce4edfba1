"""Recognisers of personal data: one module per family of things, each from a text to what was found in it. Pure.

Rules only, no model: what they find can be said in words, and is the same on every machine. `found` is what they yield,
`labels` what the words before a number say it is. Nothing here replaces anything: `data.redact` does.
"""
