"""Saying what was found: one document model, many renderers."""
