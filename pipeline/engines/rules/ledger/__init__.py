"""The entries of an account: dates, texts over several lines, money out and in, and the balance that runs along."""
