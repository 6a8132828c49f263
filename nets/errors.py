"""What can go wrong, as one family.

::

    NetsError
    ├── ShapeError (ValueError)       shapes do not fit; the message names the layer and both shapes
    ├── ArgumentError (ValueError)    a setting or a value breaks its rule
    ├── DtypeError (TypeError)        the wrong kind of numbers
    ├── GraphError (RuntimeError)     backward through a graph that was freed, changed, or never recorded
    ├── AnomalyError (ArithmeticError) the first NaN or infinity, with the operation that made it
    ├── BackendError (RuntimeError)   a back end that is not available
    ├── DataError                     a data set that cannot be used
    │   ├── MissingDataError          a file is not there, and could not be had
    │   └── CorruptDataError          a file is not what it should be
    └── CheckpointError               a file of weights that cannot be used
"""


class NetsError(Exception):
    """Base of all errors of this package."""


class ShapeError(NetsError, ValueError):
    """Shapes do not fit."""


class ArgumentError(NetsError, ValueError):
    """A setting or a value breaks its rule."""


class DtypeError(NetsError, TypeError):
    """The wrong kind of numbers."""


class GraphError(NetsError, RuntimeError):
    """Backward through a graph that was freed, changed, or never recorded."""


class AnomalyError(NetsError, ArithmeticError):
    """The first NaN or infinity."""


class BackendError(NetsError, RuntimeError):
    """A back end that is not available."""


class DataError(NetsError):
    """A data set that cannot be used."""


class MissingDataError(DataError):
    """A file is not there, and could not be had."""


class CorruptDataError(DataError):
    """A file is not what it should be."""


class CheckpointError(NetsError):
    """A file of weights that cannot be used."""
