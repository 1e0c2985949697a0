"""Schemas: what a document of each type holds."""
