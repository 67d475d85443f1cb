"""Tuning under guard: proposals, guards, and the parameters that they may move."""
