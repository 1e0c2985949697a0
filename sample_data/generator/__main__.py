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
    parser.add_argument("--out", type=Path, default=HOME, help="folder to write to (default: %(default)s)")
    told = parser.parse_args()
    made = make(told.seed, told.out)
    broken = len(list((told.out / "broken").iterdir()))
    print(f"{len(made)} documents with their truth and {broken} broken files in {told.out}")


if __name__ == "__main__":
    main()
