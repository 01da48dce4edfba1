"""Model folders of others: what is taken from one, how it is looked at in a locked child, and what its terms are."""
