"""What the configuration of web servers and proxies names."""
