"""Family gpt2: GPT-2 with a choice of optimizers and pruning methods."""
