"""Damaged files of every format: a LabError or blocks, in little memory, never anything else."""

from pathlib import Path

import nptdms
import numpy as np
import pytest
import sigmf
from hypothesis import given, settings
from hypothesis import strategies as st
from nptdms import ChannelObject, TdmsWriter
from record_files import CHANNELS, FS_HZ, SAMPLES, supply, whole
from scipy.io import wavfile

from labs.electrical.records import write_comtrade, write_csv, write_raw
from labs.errors import LabError

COUNT = 40  # samples of each record
PIECES = [b"", b"0", b"-1", b"999999999999", b"nan", b"1e400", b",", b"\n", b"\0" * 4, b"\xff" * 8,
          b"\xff\xff\xff\x7f", b"\0\0\0\x80", b'"', b";", b" ", b"{", b"1e-9", b"A,"]  # fmt: skip


def comtrade(form: str, part: str):
    def make(folder: Path) -> tuple[Path, Path]:
        path = write_comtrade(folder / "r", CHANNELS, supply(COUNT), FS_HZ, format=form)
        return path.with_suffix(part), path

    return make


def csv(folder: Path) -> tuple[Path, Path]:
    path = write_csv(folder / "r.csv", CHANNELS, supply(COUNT), FS_HZ)
    return path, path


def raw(folder: Path) -> tuple[Path, Path]:
    path = write_raw(folder / "r", CHANNELS, supply(COUNT), FS_HZ, gaps=[(7, 3)])
    return path, path


def wav(folder: Path) -> tuple[Path, Path]:
    wavfile.write(folder / "r.wav", 8000, supply(COUNT).T.astype(np.float32))
    return folder / "r.wav", folder / "r.wav"


def tdms(folder: Path) -> tuple[Path, Path]:
    path = folder / "r.tdms"
    scale = {"NI_Number_Of_Scales": 1, "NI_Scale[0]_Scale_Type": "Linear",
             "NI_Scale[0]_Linear_Slope": 0.5, "NI_Scale[0]_Linear_Y_Intercept": 3.0}  # fmt: skip
    with TdmsWriter(path) as writer:
        for _ in range(2):
            u, i = supply(COUNT)
            wave = {"wf_increment": 1e-4, "unit_string": "V"}
            counts = ChannelObject("g", "i", i.astype(np.int16), wave | scale)
            writer.write_segment([ChannelObject("g", "u", u, wave), counts])
    return path, path


def daqmx(folder: Path) -> tuple[Path, Path]:
    source = Path(nptdms.__file__).parent / "test" / "data" / "raw1.tdms"
    if not source.is_file():
        pytest.skip("this nptdms comes without its test data")
    (folder / "r.tdms").write_bytes(source.read_bytes())
    return folder / "r.tdms", folder / "r.tdms"


def signal(folder: Path) -> tuple[Path, Path]:
    supply(COUNT)[0].astype("<f4").tofile(folder / "r.sigmf-data")
    said = {"core:datatype": "rf32_le", "core:sample_rate": 1e3, "core:version": "1.0.0"}
    meta = sigmf.SigMFFile(global_info=said)
    meta.add_capture(0)
    meta.tofile(folder / "r.sigmf-meta", skip_validate=True)
    return folder / "r.sigmf-meta", folder / "r.sigmf-meta"


def cff(folder: Path) -> tuple[Path, Path]:
    (folder / "r.cff").write_bytes((SAMPLES / "sample_float32.cff").read_bytes()[:1000])
    return folder / "r.cff", folder / "r.cff"


MAKERS = {
    "comtrade header": comtrade("BINARY", ".cfg"),
    "comtrade binary": comtrade("BINARY", ".dat"),
    "comtrade float32": comtrade("FLOAT32", ".dat"),
    "comtrade text": comtrade("ASCII", ".dat"),
    "comtrade cff": cff,
    "csv": csv,
    "raw": raw,
    "wav": wav,
    "tdms": tdms,
    "tdms daqmx": daqmx,
    "sigmf": signal,
}


@st.composite
def damage(draw) -> list[tuple[float, str, bytes, int]]:
    """Some changes: where in the file (more often at its beginning), what, and how long."""
    place = st.one_of(st.floats(0, 1), st.floats(0, 0.2))
    kind = st.sampled_from(["put", "set", "cut", "end", "twice"])
    piece = st.one_of(st.sampled_from(PIECES), st.binary(min_size=1, max_size=4))
    change = st.tuples(place, kind, piece, st.integers(1, 40))
    return draw(st.lists(change, min_size=1, max_size=3))


def damaged(data: bytes, changes: list[tuple[float, str, bytes, int]]) -> bytes:
    out = bytearray(data)
    for place, kind, piece, size in changes:
        at = int(place * len(out))
        if kind == "put":
            out[at:at] = piece
        elif kind == "set":
            out[at : at + len(piece)] = piece
        elif kind == "cut":
            del out[at : at + size]
        elif kind == "end":
            del out[max(at, 1) :]
        else:
            out[at:at] = out[at : at + size]
    return bytes(out)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Kind -> (the file that is damaged, its bytes, what is opened), each made once."""
    made = {}

    def get(kind: str) -> tuple[Path, bytes, Path]:
        if kind not in made:
            path, opened = MAKERS[kind](tmp_path_factory.mktemp("r"))
            made[kind] = path, path.read_bytes(), opened
            whole(opened)  # it is right before it is damaged
        return made[kind]

    return get


@pytest.mark.parametrize("kind", MAKERS)
@settings(max_examples=30, deadline=None)
@given(changes=damage())
def test_record_when_damaged_then_read_or_refused(kind, changes, records):
    path, data, opened = records(kind)
    path.write_bytes(damaged(data, changes))
    try:
        got = whole(opened, 16)
    except LabError as error:
        refused = str(error)
    else:
        refused = ""
        assert got.values.size <= 10**5
    assert not refused or refused.startswith("read '")
