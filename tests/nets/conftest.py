"""What the tests of the engine share."""

import pytest

import nets


@pytest.fixture(params=["numpy", "numba"])
def backend(request):
    """Run the test on the reference and on the kernels."""
    with nets.use(request.param):
        yield request.param
