"""Rows to pictures; the only room that knows matplotlib, which is imported when something is drawn."""
