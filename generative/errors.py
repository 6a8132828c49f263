"""What can go wrong, as one family.

::

    GenerativeError
    ├── SettingError (ValueError)   a setting or an argument breaks its rule
    ├── TextError (ValueError)      a text that cannot be written: empty, too long, or with an unknown character
    └── ModelError                  a trained model that is missing, damaged, or of the wrong kind

Errors of the engine below (`nets.errors.NetsError`) pass through unchanged.
"""


class GenerativeError(Exception):
    """Base of all errors of this package."""


class SettingError(GenerativeError, ValueError):
    """A setting or an argument breaks its rule."""


class TextError(GenerativeError, ValueError):
    """A text that cannot be written."""


class ModelError(GenerativeError):
    """A trained model that is missing, damaged, or of the wrong kind."""
