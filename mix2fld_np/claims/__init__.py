"""The letter's sentences with a number, judged on stored figures; and which reading of the letter gives its numbers."""
