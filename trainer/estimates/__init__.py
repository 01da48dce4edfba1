"""What a training will take, before it starts."""
