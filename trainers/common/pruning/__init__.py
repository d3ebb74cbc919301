"""Removing weights while training: ramps, scores and masks."""
