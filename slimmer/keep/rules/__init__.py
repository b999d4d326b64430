"""One small module a keep rule."""
