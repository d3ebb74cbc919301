"""Deprecated: ``python -m trainers.gpt2.old.train`` takes the options of the script of that name."""

from trainers.gpt2.old.forward import TRAIN, leave

if __name__ == "__main__":
    leave(TRAIN)
