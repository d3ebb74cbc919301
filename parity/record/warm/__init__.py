"""Starts programs in copies of a process that has torch loaded already, and lets them see nothing of it."""
