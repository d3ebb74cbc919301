"""Optimizers and how parameters are shared out among their groups."""
