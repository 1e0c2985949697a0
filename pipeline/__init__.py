"""The pipeline: every stage of a document, from file to row."""
