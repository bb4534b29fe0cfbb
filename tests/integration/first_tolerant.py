"""The first commit whose hubs keep a newer hub's fields. Later versions must stay compatible with it."""

FIRST_TOLERANT = "46f3b69928e26c9c76c858582701c858db2a55f4"
