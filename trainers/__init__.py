"""The candidates: modular trainers, one package per family, run as ``python -m trainers FAMILY ...``."""
