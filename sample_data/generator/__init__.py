"""Makes the sample documents: `python -m sample_data.generator [--seed N] [--out DIR]`.

content (what a paper says) → paper (how it is written) → layouts (how it is set) → looks (what became of it) → files and truth.
"""
