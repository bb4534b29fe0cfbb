"""The gateways, one file each: parse a request, call a service, answer."""
