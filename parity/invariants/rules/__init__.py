"""The rules, in one file for each part of a training."""
