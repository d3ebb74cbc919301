"""Every optimizer with every pruning in every architecture of family gpt2: all of them train in parity."""
