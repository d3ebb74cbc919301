"""The witnesses stay as they are."""
