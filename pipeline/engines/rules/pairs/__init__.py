"""Labels and their values on forms: no label is known beforehand."""
