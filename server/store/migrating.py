"""Whether the tables are there and of this version; those of an earlier one are brought up to date."""

import logging
from pathlib import Path
from typing import Final

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, inspect, select

from server.errors import SchemaError
from server.store import tables

logger = logging.getLogger(__name__)

STEPS: Final = Path(__file__).parents[1] / "migrations"
LOCK: Final = 0x2048  # for PostgreSQL: any number that all processes name

# Where Alembic keeps the version, and where version 1 did.
_version = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
_meta = Table("meta", MetaData(), Column("key", String(32), primary_key=True), Column("value", String))


def prepare(engine: Engine) -> None:
    """Make the tables in an empty database, and bring those of an earlier version up to date: all or nothing.

    Raises
    ------
    SchemaError
        If they are of a later version, or those of another program.
    """
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    with engine.begin() as connection:
        _lock(connection)
        version = _version_of(connection)
        if version is None:
            tables.metadata.create_all(connection)
            _note(connection, tables.SCHEMA_VERSION)
        elif version != str(tables.SCHEMA_VERSION):
            _migrate(connection, version)


def _lock(connection: Connection) -> None:
    """Let one process at a time make or change the tables; the others wait."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")


def _version_of(connection: Connection) -> str | None:
    """Return the version of the tables, None where there are none."""
    names = inspect(connection).get_table_names()
    if not names:
        return None
    if "games" in names and _version.name in names:
        return connection.execute(select(_version.c.version_num)).scalar_one_or_none()
    if "games" in names and _meta.name in names:
        return connection.execute(select(_meta.c.value).where(_meta.c.key == "schema_version")).scalar_one_or_none()
    raise SchemaError("the database belongs to another program")


def _note(connection: Connection, version: int | str) -> None:
    """Note the version where Alembic looks for it."""
    _version.create(connection)
    connection.execute(_version.insert().values(version_num=str(version)))


def _migrate(connection: Connection, version: str) -> None:
    """Go every step from a version to this one."""
    if version not in map(str, range(1, tables.SCHEMA_VERSION)):
        raise SchemaError(
            f"the database has schema version {version}, this program knows versions up to {tables.SCHEMA_VERSION}"
        )
    from alembic import command  # here: it takes a third of a second, and is hardly ever needed
    from alembic.config import Config

    logger.info("bringing the database from schema version %s to %d", version, tables.SCHEMA_VERSION)
    if not inspect(connection).has_table(_version.name):
        _note(connection, version)
    config = Config()
    config.set_main_option("script_location", str(STEPS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, str(tables.SCHEMA_VERSION))
