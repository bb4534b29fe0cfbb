"""The use cases, one file a subject: check that the principal may do it, then commit the result."""
