"""Runs a program unmodified and listens to everything that defines its training."""
