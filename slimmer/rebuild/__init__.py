"""From a KeepSet to an image: rootfs.tar, Dockerfile, build or load."""
