"""A program that never imports torch."""
print("nothing to see here")
