"""The replay viewer: static pages, styles and ES modules, served as they are."""
