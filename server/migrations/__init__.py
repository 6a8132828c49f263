"""Migrations: how a database of an earlier version becomes one of this version, by Alembic.

A file in ``versions`` is a step from one version of the tables to the next, and its revision is the number of the
version. It is run when a database is opened (`server.store.database`), inside the transaction that has it for itself:
after a failure everything is as it was. A step that was released never changes, and names its columns itself instead
of taking `server.store.tables`, which goes on.
"""
