"""Making a chat base from scratch: the plan, its corpus and tokenizer, the training, what the result is worth."""
