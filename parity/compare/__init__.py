"""Measuring differences between two traces, judging nothing."""
