"""Resolve a service of a compose file into slimmer's own options: the app, its companions, and the service that exercises it."""
