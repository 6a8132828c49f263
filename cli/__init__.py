"""The command line: one command, ``game2048``, over everything."""
