"""Budgets, measured as ratios in one session. Nothing here fails because it is slow."""
