"""Deprecated: ``python -m trainers.gpt2.old.train_ra_mla`` takes the options of the script of that name."""

from trainers.gpt2.old.forward import TRAIN_RA_MLA, leave

if __name__ == "__main__":
    leave(TRAIN_RA_MLA)
