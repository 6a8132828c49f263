"""Finding files in folders, and downloading them from mirrors: here servers on this machine."""

import hashlib
import http.server
import io
import re
import threading
import zipfile
from dataclasses import replace

import pytest

from nets.data import fetch
from nets.data.fetch import Publication, locate
from nets.errors import CorruptDataError, MissingDataError

CONTENT = b"the right bytes" * 1000
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


class Mirror(http.server.BaseHTTPRequestHandler):
    """Serve what the test put into ``server.files``: bytes, or a function that writes the answer."""

    def do_GET(self):
        self.server.asked.append(self.path)
        answer = self.server.files.get(self.path)
        if answer is None:
            self.send_error(404)
        elif callable(answer):
            answer(self)
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        server.files, server.asked = {}, []
        server.address = f"http://127.0.0.1:{server.server_address[1]}/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of the cache; no proxy and no folder of the user's stands between."""
    monkeypatch.setattr("platformdirs.user_data_path", lambda name: tmp_path / name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv(fetch.VARIABLE, raising=False)
    return tmp_path / "game2048" / "data" / "toy"


@pytest.fixture
def toy(server, cache):
    return Publication(title="Toy", folders=("toy", "old"), mirrors=(server.address,), checksums={"a.gz": SHA256})


def names_in(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


# --- folders ---


@pytest.mark.parametrize("place", ["a.gz", "a", "toy/a.gz", "old/a"])
def test_a_file_is_found_in_the_folder_or_a_subfolder_gzipped_or_plain(tmp_path, toy, server, place):
    path = tmp_path / "mine" / place
    path.parent.mkdir(parents=True)
    path.write_bytes(b"anything")

    assert locate(toy, ["a.gz"], tmp_path / "mine") == [path]
    assert server.asked == []


def test_the_environment_variable_names_the_folder_and_the_argument_comes_first(tmp_path, toy, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_bytes(b"")
    monkeypatch.setenv(fetch.VARIABLE, str(tmp_path / "one"))

    assert locate(toy, ["a.gz"]) == [tmp_path / "one" / "a"]
    assert locate(toy, ["a.gz"], str(tmp_path / "two")) == [tmp_path / "two" / "a"]


@pytest.mark.parametrize("how", ["argument", "variable"])
def test_with_a_folder_nothing_is_downloaded_and_the_missing_file_is_named(tmp_path, toy, server, monkeypatch, how):
    server.files["/a.gz"] = CONTENT
    if how == "variable":
        monkeypatch.setenv(fetch.VARIABLE, str(tmp_path))

    with pytest.raises(MissingDataError) as error:
        locate(toy, ["a.gz"], tmp_path if how == "argument" else None)

    for part in ("Toy", "a.gz", f"{tmp_path}, {tmp_path}/toy, {tmp_path}/old", server.address):
        assert part in str(error.value)
    assert server.asked == []


def test_a_folder_that_is_not_there_is_named(tmp_path, toy):
    with pytest.raises(MissingDataError, match="nowhere, which is not a folder"):
        locate(toy, ["a.gz"], tmp_path / "nowhere")


# --- mirrors ---


def test_a_file_is_downloaded_once(toy, server, cache):
    server.files["/a.gz"] = CONTENT

    assert locate(toy, ["a.gz"]) == [cache / "a.gz"]
    assert locate(toy, ["a.gz"]) == [cache / "a.gz"]

    assert (cache / "a.gz").read_bytes() == CONTENT
    assert server.asked == ["/a.gz"]


def test_a_spoilt_file_in_the_cache_is_downloaded_anew(toy, server, cache):
    server.files["/a.gz"] = CONTENT
    cache.mkdir(parents=True)
    (cache / "a.gz").write_bytes(CONTENT[:100])

    locate(toy, ["a.gz"])

    assert (cache / "a.gz").read_bytes() == CONTENT


def interrupted(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(CONTENT)))
    handler.end_headers()
    handler.wfile.write(CONTENT[:5000])
    handler.wfile.flush()
    handler.close_connection = True


def silent(handler):
    handler.server.hang.wait(5)


BAD_ANSWERS = {
    "html": (b"<html>This page has moved.</html>", "wrong checksum"),
    "other bytes": (CONTENT[:-1], "wrong checksum"),
    "not found": (None, "404"),
    "interrupted": (interrupted, ""),
    "silent": (silent, "timed out"),
}


@pytest.mark.parametrize("kind", BAD_ANSWERS)
def test_what_is_not_the_file_is_refused_and_leaves_nothing(toy, server, cache, kind, monkeypatch):
    monkeypatch.setattr(fetch, "READ_SECONDS", 0.2)
    server.hang = threading.Event()
    server.files["/a.gz"], said = BAD_ANSWERS[kind]

    with pytest.raises(MissingDataError) as error:
        locate(toy, ["a.gz"])
    server.hang.set()

    for part in ("Toy needs a.gz", str(cache), f"{server.address}a.gz: ", said, "folder", fetch.VARIABLE):
        assert part in str(error.value)
    assert names_in(cache) == []


@pytest.mark.parametrize("kind", BAD_ANSWERS)
def test_the_next_mirror_is_tried(toy, server, cache, kind, monkeypatch):
    monkeypatch.setattr(fetch, "READ_SECONDS", 0.2)
    server.hang = threading.Event()
    server.files |= {"/bad/a.gz": BAD_ANSWERS[kind][0], "/good/a.gz": CONTENT}
    dead = "http://127.0.0.1:9/"
    mirrors = (dead, f"{server.address}bad/", f"{server.address}good/")

    (path,) = locate(replace(toy, mirrors=mirrors), ["a.gz"])
    server.hang.set()

    assert path.read_bytes() == CONTENT
    assert server.asked == ["/bad/a.gz", "/good/a.gz"]
    assert names_in(cache) == ["a.gz"]


def test_without_a_network_every_mirror_is_named(toy, cache):
    mirrors = ("http://127.0.0.1:9/", "http://127.0.0.1:9/other/")

    with pytest.raises(MissingDataError) as error:
        locate(replace(toy, mirrors=mirrors), ["a.gz"])

    assert all(f"{mirror}a.gz: " in str(error.value) for mirror in mirrors)


def test_a_download_prints_nothing(toy, server, capfd):
    server.files["/a.gz"] = CONTENT

    locate(toy, ["a.gz"])

    assert capfd.readouterr() == ("", "")


# --- archives ---


def archive_of(**files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


@pytest.fixture
def zipped(toy, server):
    def publish(content):
        server.files["/all.zip"] = content
        checksum = f"md5:{hashlib.md5(content).hexdigest()}"
        return replace(toy, archive="all.zip", member_prefix="gzip/a", checksums={"all.zip": checksum})

    return publish


def test_files_are_taken_out_of_an_archive_which_is_not_kept(zipped, server, cache):
    content = archive_of(**{"gzip/a1.gz": b"one", "gzip/a2.gz": b"two", "gzip/b.gz": b"other", "gzip/": b""})
    publication = zipped(content)

    assert locate(publication, ["a1.gz", "a2.gz"]) == [cache / "a1.gz", cache / "a2.gz"]

    assert [(cache / name).read_bytes() for name in names_in(cache)] == [b"one", b"two"]
    assert server.asked == ["/all.zip"]


def test_a_member_cannot_leave_the_cache(zipped, cache):
    publication = zipped(archive_of(**{"gzip/a/../../../evil.gz": b"evil", "gzip/a1.gz": b"one"}))

    locate(publication, ["a1.gz"])

    assert names_in(cache) == ["a1.gz", "evil.gz"]
    assert names_in(cache.parent) == ["toy"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"<html></html>", "not a whole zip archive"), (archive_of(other=b""), "does not hold a1.gz")],
)
def test_an_archive_that_does_not_hold_the_file_is_corrupt(zipped, cache, content, said):
    with pytest.raises(CorruptDataError, match=re.escape(said)):
        locate(zipped(content), ["a1.gz"])

    assert names_in(cache) == []
