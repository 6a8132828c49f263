"""The models that nets itself has; other packages may have registered theirs in the same process."""

from nets.models import MODELS

OWN = [name for name, builder in MODELS.items() if builder.__module__ == "nets.models"]
