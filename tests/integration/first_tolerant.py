"""The first commit whose hubs keep what a newer hub has stored: what later versions must stay compatible with."""

FIRST_TOLERANT = "46f3b69928e26c9c76c858582701c858db2a55f4"
