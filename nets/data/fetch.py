"""Where the files of a published data set are: in a folder that the user names, in the cache, or at a mirror."""

import hashlib
import logging
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import platformdirs

from nets.errors import CorruptDataError, MissingDataError

logger = logging.getLogger(__name__)

VARIABLE: Final = "GAME2048_DATA"
CONNECT_SECONDS: Final = 10
READ_SECONDS: Final = 30
_MAX_MEMBER_BYTES: Final = 2**30


@dataclass(frozen=True, kw_only=True)
class Publication:
    """A data set as it was published."""

    title: str
    """What people call it."""
    folders: tuple[str, ...]
    """Subfolders to look in, besides the folder itself; the first names the cache."""
    mirrors: tuple[str, ...]
    """Addresses of the folders that hold the downloads, to be tried in turn."""
    checksums: dict[str, str] = field(default_factory=dict)
    """What can be downloaded, and its checksum as ``algorithm:hexdigits``."""
    archive: str = ""
    """The zip archive that holds the files, if they do not lie at the mirrors one by one."""
    member_prefix: str = ""
    """What stands before the name of a file in the archive."""


def locate(publication: Publication, names: Iterable[str], folder: str | os.PathLike[str] | None = None) -> list[Path]:
    """Return where these files of a data set are; download them if need be and if no folder was named.

    Parameters
    ----------
    publication : Publication
        The data set.
    names : iterable of str
        Names of files, ending in ``.gz``; the same without that ending will do.
    folder : path, optional
        Where to look, and nowhere else. By default the folder in the environment variable ``GAME2048_DATA``, and if
        that is not set, the cache, which is filled from the mirrors.

    Returns
    -------
    list of Path
        One a name.

    Raises
    ------
    MissingDataError
        If a file is not there and could not be had: says which, where it was looked for, and what to do.
    CorruptDataError
        If what a mirror sent is not a usable archive.
    """
    chosen = folder if folder is not None else os.environ.get(VARIABLE) or None
    if chosen is not None:
        return [_find_in(publication, name, Path(chosen)) for name in names]
    return [_fetch(publication, name) for name in names]


def find(name: str, places: Iterable[Path]) -> Path | None:
    """Return the first file of this name, with or without ``.gz``, in these folders; None if there is none."""
    candidates = (place / each for place in places for each in (name, name.removesuffix(".gz")))
    return next((path for path in candidates if path.is_file()), None)


def places_in(publication: Publication, folder: Path) -> list[Path]:
    """Return the folders to look in: the named one and its known subfolders."""
    return [folder, *(folder / each for each in publication.folders)]


def cache_folder(publication: Publication) -> Path:
    """Return the folder that keeps what was downloaded."""
    return platformdirs.user_data_path("game2048") / "data" / publication.folders[0]


def _find_in(publication: Publication, name: str, folder: Path) -> Path:
    places = places_in(publication, folder)
    path = find(name, places)
    if path is None:
        where = ", ".join(map(str, places)) if folder.is_dir() else f"{folder}, which is not a folder"
        raise MissingDataError(
            f"{publication.title} needs {name}, gzipped or plain. Looked in: {where}. {_advice(publication, folder)}"
        )
    return path


def _advice(publication: Publication, folder: Path) -> str:
    address = publication.mirrors[0]
    if publication.archive:
        return f"Unpack {address}{publication.archive} into {folder}."
    return f"Put the file from {address} into {folder}."


def _fetch(publication: Publication, name: str) -> Path:
    """Return a file from the cache, downloaded if it is not there or not what it should be."""
    cache = cache_folder(publication)
    path = cache / name
    if path.is_file():
        checksum = publication.checksums.get(name)
        if checksum is None or _digest(path, checksum) == checksum:
            return path
        logger.warning("%s has a wrong checksum and is downloaded anew", path)
    if not publication.archive:
        return _download(publication, name, name)
    archive = _download(publication, publication.archive, name)
    try:
        _unpack(archive, publication.member_prefix, cache)
    finally:
        archive.unlink(missing_ok=True)
    if not path.is_file():
        raise CorruptDataError(f"{publication.archive} of {publication.title} does not hold {name}")
    return path


def _digest(path: Path, like: str) -> str:
    algorithm = like.partition(":")[0]
    with path.open("rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


def _download(publication: Publication, download: str, wanted: str) -> Path:
    """Download from the first mirror that sends the right bytes; leaves nothing half-written."""
    import pooch  # takes 0.1 s to import, and few runs download

    pooch.get_logger().setLevel("WARNING")  # this package logs by itself and prints nothing
    cache = cache_folder(publication)
    failures = []
    for mirror in publication.mirrors:
        logger.info("downloading %s%s to %s", mirror, download, cache)
        try:
            pooch.retrieve(
                mirror + download,
                known_hash=publication.checksums[download],
                fname=download,
                path=cache,
                downloader=pooch.HTTPDownloader(timeout=(CONNECT_SECONDS, READ_SECONDS)),
            )
        except (OSError, ValueError) as error:  # the network, the disk; the checksum
            failures.append(f"{mirror}{download}: {_reason(error)}")
            continue
        return cache / download
    raise MissingDataError(
        f"{publication.title} needs {wanted}, which is not in {cache} and could not be downloaded. "
        f"Tried {'; '.join(failures)}. Without a network, put the data into a folder, and name it by the argument "
        f"folder or the environment variable {VARIABLE}."
    )


def _reason(error: Exception) -> str:
    """Say in one line why a download failed."""
    text = " ".join(str(error).split())
    return "wrong checksum" if isinstance(error, ValueError) and "hash" in text else text or type(error).__name__


def _unpack(archive: Path, prefix: str, cache: Path) -> None:
    """Copy the files whose names begin with the prefix out of a zip archive, each at once."""
    try:
        with zipfile.ZipFile(archive) as unpacked:
            for member in unpacked.infolist():
                if not member.filename.startswith(prefix) or member.is_dir() or member.file_size > _MAX_MEMBER_BYTES:
                    continue
                target = cache / Path(member.filename).name
                partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
                try:
                    with unpacked.open(member) as source, partial.open("wb") as copy:
                        shutil.copyfileobj(source, copy)
                    partial.replace(target)
                finally:
                    partial.unlink(missing_ok=True)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise CorruptDataError(f"{archive} is not a whole zip archive ({error})") from error
