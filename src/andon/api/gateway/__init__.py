"""Hands requests over to the process that runs the role they belong to. See README.md."""
