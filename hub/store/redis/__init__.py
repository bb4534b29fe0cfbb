"""The client of Redis: connections, pipelines, pub/sub and the translation of errors."""
