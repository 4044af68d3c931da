"""The letter's figures and tables, and sweeps beyond it: settings in, rows out."""
