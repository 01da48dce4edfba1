"""Forgetting an upload, a customer, a conversation, a session or single turns: in rows, in files, in what came of them.

request    what was asked for becomes a row and a job
job        all of it in order, each step harmless when done again
quiet      nobody else at work on the bot meanwhile
targets    which conversations, feedback and turns are meant
words      what they said, as digests, so that it is found in what was made of it
derived    the marks on releases, what they repeat (rewriting), and the datasets without it (remaining)
originals  the files that held them
rows       what the store keeps of them; quotes: reports without what anybody wrote
leftovers  logs, backups, work files
journal    what a restored backup is caught up with; lifting: what is let in again
work, ledger  what all steps share; what was done so far
"""
