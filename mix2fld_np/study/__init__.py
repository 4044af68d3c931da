"""Experiments that return rows, pictures that draw rows, and the check of every equation."""
