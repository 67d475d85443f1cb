"""Soak tests and release gates that cannot lie."""

__version__ = "0.1.0"
