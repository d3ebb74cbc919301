"""Proves that a refactored PyTorch trainer still trains the same way as its legacy original."""
