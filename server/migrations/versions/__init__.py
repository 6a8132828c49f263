"""The steps, see `server.migrations`."""
