"""What the analyzers of all languages share: reading, caching and evaluating sources."""
