"""The doors, one file each: parse, call a service, answer."""
