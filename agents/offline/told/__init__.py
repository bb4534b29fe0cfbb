"""What the offline model says: from tool results, and in a few sentences of its own."""
