"""Two releases side by side for a person who does not know which is which: `attune compare`.

    questions   what both are asked: drawn from what neither has learned from, or of the operator's own
    blind       which of them stands left, and what a person may choose
    contest     both replies to one question
    ledger      choices, kept one by one as they are made
    sheet       the same as a table that is handed to a reviewer
    outcome     the blind lifted: who won, and whether that is more than chance

Nothing here keeps a word that a customer or a bot said, but for the sheet that is asked for.
"""
