"""Andon: a smart-factory platform, from the machine to the browser."""

__version__ = "0.1.0"
