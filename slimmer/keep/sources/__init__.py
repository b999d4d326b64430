"""Reading, caching and evaluating sources: the parts that the analyzers of all languages share."""
