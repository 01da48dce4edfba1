"""Large arrays lie in files without names, and a table of words finds what was put into it, however large it gets."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import mapped
from data.errors import StorageFull
from data.mapped import HEAP_BYTES, Space, Table


def words(*values):
    return np.array(values, np.uint64)


def mapped_files():
    with open("/proc/self/maps", encoding="utf-8") as lines:
        return sum("(deleted)" in line for line in lines)


def test_small_arrays_touch_no_disk(tmp_path):
    assert Space(tmp_path / "never").zeros((8, 4), np.uint16).sum() == 0
    assert not (tmp_path / "never").exists()


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks at the maps of Linux")
def test_large_arrays_lie_in_files_without_names_and_go_with_the_array(tmp_path):
    space, before = Space(tmp_path / "tmp"), mapped_files()
    array = space.zeros((HEAP_BYTES // 8 + 1, 2), np.uint64)
    assert mapped_files() == before + 1
    assert list((tmp_path / "tmp").iterdir()) == []
    array[-1] = 7
    grown = space.grown(array, 2 * len(array))
    assert grown[len(array) - 1].tolist() == [7, 7]
    assert grown[-1].tolist() == [0, 0]
    del array, grown
    assert mapped_files() == before


def test_a_full_disk_is_an_error_and_no_signal(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(mapped, "_reserve", full)
    with pytest.raises(StorageFull):
        Space(tmp_path).zeros((HEAP_BYTES,), np.uint64)
    assert list(tmp_path.iterdir()) == []


def test_without_fallocate_the_file_is_made_as_long(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    array = Space(tmp_path).zeros((HEAP_BYTES,), np.uint64)
    array[-1] = 1
    assert array.sum() == 1


def test_words_are_found_by_their_high_bits_and_the_newer_takes_the_place():
    table = Table(Space(), value_bits=8)
    table.put(words(0xAA00 | 1, 0xBB00 | 2))
    table.put(words(0xAA00 | 3))
    assert table.find(words(0xAA00, 0xBB07, 0xCC00)).tolist() == [0xAA03, 0xBB02, 0]
    assert len(table) == 2


def test_words_that_want_one_place_all_find_one():
    table = Table(Space())
    top = [(2**64 - 1) - step for step in range(60)]  # the last place, and on from the first
    table.put(words(*top))
    assert table.find(words(*top)).tolist() == top
    assert table.find(words(2**64 - 5_000)).tolist() == [0]


def test_a_table_grows_and_keeps_everything(tmp_path):
    many = np.random.default_rng(6).integers(1, 2**64 - 1, 900_000, dtype=np.uint64)  # all of them different
    table = Table(Space(tmp_path))
    for start in range(0, len(many), 10_000):
        table.put(many[start : start + 10_000])
    assert len(table) == len(many)
    assert (table.find(many) == many).all()
    assert not table.find(many + np.uint64(1))[:1000].any()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.integers(0, 2**56 - 1), st.integers(1, 255), max_size=40), max_size=6))
def test_a_table_is_a_dict(batches):
    table, known = Table(Space(), value_bits=8), {}
    for batch in batches:
        table.put(words(*(key << 8 | value for key, value in batch.items())))
        known |= batch
        found = table.find(words(*(key << 8 for key in known)))
        assert found.tolist() == [key << 8 | value for key, value in known.items()]
    assert len(table) == len(known)
