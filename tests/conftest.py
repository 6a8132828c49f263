"""Settings shared by all tests."""

from hypothesis import settings

# The first call of a kernel may compile it, which no deadline forgives.
settings.register_profile("default", deadline=None, max_examples=100)
settings.load_profile("default")
