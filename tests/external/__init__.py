"""Other people's trainers step the environments unmodified: ``make test-external``."""
