"""The command that makes the sample documents; with no arguments it makes those that are committed."""

import argparse
from pathlib import Path

from sample_data.generator.making import make

SEED = 20_240_607
HOME = Path(__file__).parent.parent


def main() -> None:
    """Make the documents that the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m sample_data.generator", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED, help="another seed makes other documents (default: %(default)s)")
    parser.add_argument("--out", type=Path, help=f"folder to write to (default: {HOME})")
    parser.add_argument("--held-out", action="store_true", help="the layouts that are drawn on request alone; needs --out")
    told = parser.parse_args()
    if told.held_out and told.out is None:
        parser.error("--held-out needs --out: its documents do not belong among those that are committed")
    out = told.out or HOME
    made = make(told.seed, out, held_out=told.held_out)
    broken = "" if told.held_out else f" and {len(list((out / 'broken').iterdir()))} broken files"
    print(f"{len(made)} documents with their truth{broken} in {out}")


if __name__ == "__main__":
    main()
