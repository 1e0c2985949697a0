"""The machine readable zone of identity documents, and what it says of the print above it."""
