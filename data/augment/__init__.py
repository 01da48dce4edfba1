"""More ways to say what a row says: small named operators that keep its label. Pure; no file is ever written here.

`said` holds the nouns and the edits, `kept` what no operator may change; one module per family of operators follows;
`vary` puts them together and holds every variation against what the rows themselves say.
"""
