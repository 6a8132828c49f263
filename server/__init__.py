"""The web server: games as JSON, and the pages that replay them."""
