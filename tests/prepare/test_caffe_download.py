"""Downloads over bad connections, and zips that mean harm."""

import hashlib
import http.server
import io
import stat
import threading
import warnings
import zipfile

import pytest

from pix2pix_tf import prepare
from pix2pix_tf.prepare.caffe import download
from pix2pix_tf.prepare.caffe.download import extract, fetch
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError
from tests.prepare.raw_benchmark import TEST, TRAIN, put

BODY = bytes(range(256)) * 5000  # 1.28 MB
DIGEST = hashlib.sha256(BODY).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `server.body`; `server.faults` says what goes wrong with each request, in turn."""

    def do_GET(self):
        server, begin = self.server, 0
        server.asked.append(dict(self.headers))
        fault = server.faults.pop(0) if server.faults else None
        if self.path != "/file" or isinstance(fault, int):
            self.send_error(404 if self.path != "/file" else fault)
            return
        wanted, same = self.headers.get("Range"), self.headers.get("If-Range") in (None, server.tag)
        if wanted and same and server.ranges:
            begin = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if begin >= len(server.body):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{len(server.body) - 1}/{len(server.body)}")
        else:
            self.send_response(200)
        if server.tag:
            self.send_header("ETag", server.tag)
        if fault != "no length":
            self.send_header("Content-Length", str(len(server.body) - begin))
        self.end_headers()
        self.wfile.write(server.body[begin : begin + 500_000 if fault == "break" else None])

    def log_message(self, *_):
        """Says nothing."""


@pytest.fixture
def server(monkeypatch):
    """A web server on this machine with one file."""
    monkeypatch.setattr(download, "PAUSES", (0.0, 0.0, 0.0))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.body, running.tag, running.ranges, running.faults, running.asked = BODY, '"one"', True, [], []
        running.url = f"http://127.0.0.1:{running.server_port}/file"
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield running
        running.shutdown()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# ---- Fetching -------------------------------------------------------------------------------------------------------


def test_a_whole_file(server, tmp_path):
    fetch(server.url, tmp_path / "new/file", len(BODY), DIGEST.upper())
    assert (tmp_path / "new/file").read_bytes() == BODY
    assert names(tmp_path / "new") == ["file"]
    fetch(server.url, tmp_path / "new/file", len(BODY), DIGEST)
    assert len(server.asked) == 1  # it was there


@pytest.mark.parametrize("tag", ['"one"', 'W/"weak"', None])
def test_a_broken_connection_is_taken_up_again(server, tmp_path, tag, capsys):
    server.faults, server.tag = ["break", "break"], tag
    fetch(server.url, tmp_path / "file", sha256=DIGEST)
    assert (tmp_path / "file").read_bytes() == BODY
    assert [asked.get("Range") for asked in server.asked] == [None, "bytes=500000-", "bytes=1000000-"]
    assert server.asked[1].get("If-Range") == ('"one"' if tag == '"one"' else None)  # weak tags may not stand there
    assert "the connection ended early; trying again" in capsys.readouterr().err


def test_the_next_run_goes_on_too(server, tmp_path):
    server.faults = ["break", 503, 503, 503, 503]
    with pytest.raises(UserError, match=r"503 .*4 times in a row.*resumes after the 0 MB"):
        fetch(server.url, tmp_path / "file")
    assert names(tmp_path) == ["file.part", "file.part.json"]
    fetch(server.url, tmp_path / "file", sha256=DIGEST)
    assert server.asked[-1]["Range"] == "bytes=500000-"
    assert names(tmp_path) == ["file"]


def test_a_server_without_ranges_begins_anew(server, tmp_path):
    server.faults, server.ranges = ["break"], False
    fetch(server.url, tmp_path / "file", sha256=DIGEST)
    assert server.asked[1]["Range"] == "bytes=500000-"
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_server_that_never_gets_further_is_given_up(server, tmp_path):
    server.faults, server.ranges = ["break"] * 9, False
    with pytest.raises(UserError, match="the connection ended early, 4 times in a row"):
        fetch(server.url, tmp_path / "file")
    assert len(server.asked) == 4


@pytest.mark.parametrize("tag", ['"one"', 'W/"weak"', None])
@pytest.mark.parametrize("length", [1_000_000, 400_000])
def test_parts_of_two_versions_are_not_glued(server, tmp_path, tag, length):
    server.faults, server.tag = ["break", 503, 503, 503, 503], tag
    with pytest.raises(UserError):
        fetch(server.url, tmp_path / "file")
    server.body, server.tag = BODY[::-1][:length], tag and tag.replace("one", "two").replace("weak", "feeble")
    fetch(server.url, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == server.body


def test_a_part_of_another_address_is_not_gone_on_with(server, tmp_path):
    (tmp_path / "file.part").write_bytes(b"x" * 100)
    (tmp_path / "file.part.json").write_text('{"url": "http://elsewhere", "total": 1280000, "validator": null}')
    fetch(server.url, tmp_path / "file", sha256=DIGEST)
    assert "Range" not in server.asked[0]


def test_a_length_that_nobody_tells(server, tmp_path):
    server.faults = ["no length"]
    fetch(server.url, tmp_path / "file", len(BODY))
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_wrong_checksum(server, tmp_path):
    with pytest.raises(UserError, match=f"has the SHA-256 {DIGEST}, not the expected abc"):
        fetch(server.url, tmp_path / "file", sha256="abc")
    assert names(tmp_path) == []


def test_a_wrong_size(server, tmp_path):
    with pytest.raises(UserError, match="has 1280000 bytes, not the expected 7"):
        fetch(server.url, tmp_path / "file", 7)
    server.faults = ["no length"]
    with pytest.raises(UserError, match="has 1280000 bytes, not the expected 7"):
        fetch(server.url, tmp_path / "file", 7)
    assert names(tmp_path) == []


def test_what_is_there_is_checked_and_left(tmp_path):
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(UserError, match="Remove it"):
        fetch("http://nowhere", tmp_path / "file", 7)
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_no_such_file_is_one_sentence(server, tmp_path):
    with pytest.raises(UserError) as caught:
        fetch(f"{server.url}s", tmp_path / "file")
    assert "\n" not in str(caught.value)
    assert "the server answers 404 Not Found" in str(caught.value)
    assert len(server.asked) == 1
    assert names(tmp_path) == []


def test_no_server(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "PAUSES", (0.0,))
    with pytest.raises(UserError, match=r"no connection \(.*refused.*\), 2 times in a row"):
        fetch("http://127.0.0.1:1/file", tmp_path / "file")


def test_a_disk_too_small(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: download.shutil._ntuple_diskusage(9, 8, 1_000_000))
    with pytest.raises(UserError, match=r"needs 1 MB in .* where 1 MB are free"):
        fetch(server.url, tmp_path / "file")


def test_progress_is_a_line_that_goes_away(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    fetch(server.url, tmp_path / "file")
    err = capsys.readouterr().err
    assert " MB of 1 MB, " in err
    assert " MB/s, " in err
    assert err.endswith("\r\033[K")
    server.faults = ["no length"]
    fetch(server.url, tmp_path / "another")
    assert " MB/s\033" in capsys.readouterr().err


# ---- Unpacking ------------------------------------------------------------------------------------------------------


def packed(tmp_path, *members):
    """A zip with members as (name or ZipInfo, content)."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that occur twice
        for name, content in members:
            archive.writestr(name, content)
    return path


def special(name, mode):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_zip_is_unpacked_and_gone_on_with(tmp_path):
    path = packed(tmp_path, ("top/", ""), ("./top//a.txt", b"one"), ("top/sub/b.txt", b"two" * 999), ("top/empty", b""))
    out = tmp_path / "out"
    extract(path, out, 5000)
    assert everything(out) == ["top", "top/a.txt", "top/empty", "top/sub", "top/sub/b.txt"]
    assert (out / "top/sub/b.txt").read_bytes() == b"two" * 999
    before = (out / "top/a.txt").stat()
    (out / "top/sub/b.txt").write_bytes(b"half")
    extract(path, out, 5000)
    assert (out / "top/sub/b.txt").read_bytes() == b"two" * 999
    assert (out / "top/a.txt").stat().st_ino == before.st_ino  # not written again
    (out / "top/a.txt").unlink()
    extract(path, out, 5000)
    assert (out / "top/a.txt").stat().st_mtime == before.st_mtime  # the zip's own time


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "evil/..", "/evil", "//evil", "C:/evil", "a\\..\\evil", "\\\\host\\evil"]
)
def test_no_member_leaves_the_folder(tmp_path, name):
    path = packed(tmp_path, ("good", b"x"), (name, b"evil"))
    with pytest.raises(UserError, match=r"a\.zip is not unpacked.*\n.*evil.*: is no plain path inside the folder"):
        extract(path, tmp_path / "deep/out", 100)
    assert everything(tmp_path) == ["a.zip"]


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFIFO | 0o666, stat.S_IFCHR | 0o666])
def test_no_links_and_special_files(tmp_path, mode):
    path = packed(tmp_path, (special("link", mode), b"/etc/passwd"), ("good", b"x"))
    with pytest.raises(UserError, match="'link': is a link or a special file"):
        extract(path, tmp_path / "out", 100)
    assert everything(tmp_path) == ["a.zip"]


def test_no_way_out_through_a_link_that_is_there(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="would lie outside the folder"):
        extract(packed(tmp_path, ("link/evil", b"evil")), tmp_path / "out", 100)
    assert everything(tmp_path / "elsewhere") == []


def test_a_name_twice(tmp_path):
    with pytest.raises(UserError, match="a: is in there twice"):
        extract(packed(tmp_path, ("a", b"1"), ("./a", b"2")), tmp_path / "out", 100)


def test_a_bomb_is_seen_before_it_goes_off(tmp_path):
    path = packed(tmp_path, ("bomb", bytes(10**6)))
    assert path.stat().st_size < 2000
    with pytest.raises(UserError, match=r"would unpack to 1 MB, more than the 0 MB allowed"):
        extract(path, tmp_path / "out", 10**5)
    assert everything(tmp_path) == ["a.zip"]


def test_a_member_larger_than_declared(tmp_path):
    path = packed(tmp_path, ("good", b"x"), ("bomb", bytes(10**6)))
    path.write_bytes(path.read_bytes().replace((10**6).to_bytes(4, "little"), (10**3).to_bytes(4, "little")))
    with pytest.raises(UserError, match=r"a\.zip: the member bomb is damaged"):
        extract(path, tmp_path / "out", 10**5)
    assert everything(tmp_path / "out") == ["good"]


def test_a_damaged_member_is_not_written(tmp_path):
    info = zipfile.ZipInfo("bad")  # stored, not deflated
    path = packed(tmp_path, ("good", b"x"), (info, b"content of bad"))
    path.write_bytes(path.read_bytes().replace(b"content of bad", b"content of bed"))
    with pytest.raises(UserError, match=r"a\.zip: the member bad is damaged \(Bad CRC-32.*fetch it again"):
        extract(path, tmp_path / "out", 100)
    assert everything(tmp_path / "out") == ["good"]


@pytest.mark.parametrize("content", [b"", b"<html>", "cut"])
def test_what_is_no_zip(tmp_path, content):
    path = packed(tmp_path, ("a", b"1" * 1000))
    path.write_bytes(path.read_bytes()[:-30] if content == "cut" else content)
    with pytest.raises(UserError, match=r"a\.zip is not a whole zip"):
        extract(path, tmp_path / "out", 10**6)


def test_a_zip_for_which_there_is_no_room(tmp_path, monkeypatch):
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: download.shutil._ntuple_diskusage(9, 9, 0))
    with pytest.raises(UserError, match="Make room"):
        extract(packed(tmp_path, ("a", b"1")), tmp_path / "out", 100)


# ---- The command with --download ------------------------------------------------------------------------------------


def test_download_and_prepare(server, tmp_path, monkeypatch, capsys):
    for split, scenes in (("train", TRAIN), ("test", TEST)):
        for name in scenes:
            put(tmp_path / "source/data_raw", name, split)
    packed_up = io.BytesIO()
    with zipfile.ZipFile(packed_up, "w") as archive:
        for path in sorted((tmp_path / "source").rglob("*")):
            archive.write(path, path.relative_to(tmp_path / "source"))
    server.body, server.faults = packed_up.getvalue(), ["break"]
    monkeypatch.setattr(download, "ZIP", server.url)
    monkeypatch.setattr(download, "METADATA", f"{server.url}/{{revision}}/meta_data.csv")
    output = tmp_path / "made/caffe"
    command = ["caffe", "--download", "--output", str(output), "--size", "32"]
    assert cli.run(prepare.main, [*command, "--sha256", "abc"]) == 2
    assert not output.exists()
    assert cli.run(prepare.main, command) == 0
    assert (output / "dataset.json").exists()
    assert names(output.parent) == ["caffe", "caffe_raw"]
    assert names(tmp_path / "made/caffe_raw") == ["data_raw", "data_raw.zip"]
    assert "meta_data.csv is not here, so no scene's place on the ground is known" in capsys.readouterr().out
    asked = len(server.asked)
    assert cli.run(prepare.main, command) == 0
    assert "is finished already" in capsys.readouterr().out
    assert len(server.asked) == asked + 2  # for the table, which neither revision has
    for path in sorted((tmp_path / "made/caffe_raw").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (tmp_path / "made/caffe_raw").rmdir()
    assert cli.run(prepare.main, command) == 0
    assert "is no longer needed" in capsys.readouterr().out
    assert len(server.asked) == asked + 2
