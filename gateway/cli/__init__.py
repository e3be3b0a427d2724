"""The command line: one file a command, built with click and rich."""
