"""The command line. Each command has its own module, which parses the options, calls the API and prints the result."""
