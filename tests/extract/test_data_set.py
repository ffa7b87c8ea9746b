"""The walk over the bytes gives what pydicom gives, or is in doubt and leaves the file to pydicom."""

import random
from pathlib import Path

import pydicom
import pytest

from extract import data_set, header
from extract.attributes import SEED, read_attribute_list
from extract.identifiers import Identifiers

PROJECT = Path(__file__).parents[2]
ATTRIBUTES = read_attribute_list(PROJECT / SEED)
IDENTIFIERS = Identifiers(b"a key of the tests")
WHEEL = sorted(path for path in (Path(pydicom.__path__[0]) / "data").rglob("*") if path.is_file())


def outcome(path: Path, way: str) -> object:
    with path.open("rb") as file:
        try:
            reader = data_set._walk_file if way == "walk" else data_set._read_with_pydicom
            read = reader(file, ATTRIBUTES.wanted)
            return header._header(read, ATTRIBUTES, IDENTIFIERS)
        except data_set._DoubtError:
            return "doubt"
        except (header.IgnoredFileError, header.RejectedFileError) as left_out:
            return left_out.args
        except Exception:
            return "pydicom cannot"


@pytest.mark.filterwarnings("ignore")  # pydicom's, on the broken files
def test_on_every_real_file_the_walk_agrees_with_pydicom_or_is_in_doubt() -> None:
    outcomes = [(outcome(path, "walk"), outcome(path, "pydicom")) for path in WHEEL]
    assert [(walk, slow) for walk, slow in outcomes if walk not in ("doubt", slow)] == []
    assert sum(isinstance(walk, header.Header) for walk, _ in outcomes) > 120


@pytest.mark.filterwarnings("ignore")
def test_on_damaged_files_the_walk_agrees_with_pydicom_or_is_in_doubt(tmp_path: Path) -> None:
    chance = random.Random(59187)
    damaged = tmp_path / "damaged.dcm"
    walked = 0
    for _ in range(2000):
        content = bytearray(chance.choice(WHEEL).read_bytes()[:50_000])
        if len(content) < 200:
            continue
        at = chance.randrange(132, min(len(content), 4000))
        kind = chance.random()
        if kind < 0.6:
            content[at] = chance.randrange(256)
        elif kind < 0.8:
            del content[at : at + chance.randrange(1, 20)]
        else:
            del content[at:]
        damaged.write_bytes(content)
        walk = outcome(damaged, "walk")
        assert walk in ("doubt", outcome(damaged, "pydicom")), content[:4000]
        walked += walk != "doubt"
    assert walked > 400
