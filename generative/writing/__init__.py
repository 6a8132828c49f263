"""From a text to a moving picture of it: what can be written, where it goes, and how it appears."""
