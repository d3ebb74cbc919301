"""The char_gpt family: a token-level GPT trained from a buffered stream of batches."""
