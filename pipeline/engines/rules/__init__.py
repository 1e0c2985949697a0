"""Reading values by rules: a schema's labels, where print stands, what it can be, and whether sums hold. No weights, no GPU."""
