"""The numerical check of the letter: every equation by a second route that shares no code with the library."""
