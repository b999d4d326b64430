"""The container engine: connection, images, containers, builds. Only this package and slimmer.runs talk to it."""
