"""Forgetting an upload, a customer, a conversation, a session or single turns: in rows, in files, in what came of them.

request   what was asked for becomes a row and a job
targets   which conversations, feedback and turns are meant
words     what they said, as digests, so that it is found in what was made of it
derived   the marks on releases, what they repeat, and the datasets without it
originals the files that held them
rows      what the store keeps of them
leftovers logs, backups, work files
job       all of it in order, each step harmless when done again
"""
