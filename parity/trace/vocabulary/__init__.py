"""The declarations of all channels, in causal order."""
