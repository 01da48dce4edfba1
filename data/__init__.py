"""The ground floor: the nouns, the rules about them, and everything kept. Knows no flask and no torch."""
