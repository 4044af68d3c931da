"""The letter's figures, tables and claims, and sweeps beyond it: settings in, rows out."""
