"""Tools of the book's makers: run, normalise and check notebooks. Not part of the dlkit package."""
