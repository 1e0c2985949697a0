"""Sample documents with their truth, and what makes them."""
