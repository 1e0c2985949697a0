"""The flows: Prefect outside, Ray inside, and the command line."""
