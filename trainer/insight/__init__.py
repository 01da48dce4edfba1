"""What a model can say of data: label errors, evidence for findings, groups of messages that mean the same."""
