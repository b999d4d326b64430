"""Makes an image of a KeepSet: rootfs.tar, Dockerfile, build or load."""
