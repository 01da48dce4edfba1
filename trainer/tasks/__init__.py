"""One module per task: the model's class, its batches, its loss, its metrics and which of them decides."""
