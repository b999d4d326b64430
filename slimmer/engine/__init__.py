"""The container engine: connect, images, containers, builds. Nothing else in slimmer talks to it."""
