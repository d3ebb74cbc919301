"""Reading and comparing what programs offer."""
