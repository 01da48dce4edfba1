"""Labels that do not exclude each other, and sentiment, which is one kind of them."""
