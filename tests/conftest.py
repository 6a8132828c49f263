"""Settings shared by all tests."""

import os

# One thread for matrix products, before NumPy is loaded: sums that are the same on any number of cores, and no
# waiting for one another where the machine is busy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from hypothesis import settings

# The first call of a kernel may compile it, which no deadline forgives.
settings.register_profile("default", deadline=None, max_examples=100)
settings.load_profile("default")
