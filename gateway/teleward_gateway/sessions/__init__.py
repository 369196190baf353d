"""Sessions: one device's life each, from the search for it to its values, again and again."""
