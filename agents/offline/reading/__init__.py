"""Reads an order out of words: dishes, amounts, wishes, who gets it and where."""
