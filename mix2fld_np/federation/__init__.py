"""The letter's five protocols: settings, the table, Algorithm 1, and the simulation that plays it round after round."""
