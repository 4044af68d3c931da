"""One run: what it is, its store, the only files written, and who plays it: here, or on a cluster."""
