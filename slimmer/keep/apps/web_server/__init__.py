"""Keep what the configuration of web servers and proxies names."""
