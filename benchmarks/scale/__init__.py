"""How cost grows with the number of entries, and that it does not grow with anything else."""
