"""Printed values and what they mean: amounts, dates, identifiers, and when two are the same."""
