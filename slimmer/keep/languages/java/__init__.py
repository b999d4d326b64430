"""Keep what a Java virtual machine can load: its runtime's libraries and configuration, class paths, web applications."""
