"""Webhooks as managers see them: endpoints, secrets, dead letters. `hub.outbound` sends."""
