"""Any text survives the page it stands on."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

from data.markdown import front_matter, plain, table

SCALARS = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(st.characters(codec="utf-8"), max_size=20)
KEYS = st.from_regex(r"[a-z][a-z_-]{0,8}", fullmatch=True).filter(
    lambda key: key not in ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
)
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


@given(st.dictionaries(KEYS, TREES, max_size=4))
def test_front_matter_reads_back_as_it_was_written(fields: dict[str, object]) -> None:
    text = front_matter(fields)
    assert text.startswith("---\n")
    assert text.endswith("\n---")
    assert (yaml.safe_load(text.removesuffix("---")) or {}) == fields


def test_text_that_yaml_would_read_as_something_else_stays_text() -> None:
    fields = {"language": ["no"], "license": "1.0", "name": 'a "quoted": \U0001f600 \\ \n line', "rate": 0.5}
    assert yaml.safe_load(front_matter(fields).removesuffix("---")) == fields


def test_a_cell_cannot_break_its_table() -> None:
    evil = "$1 | b\n<img src=x onerror=1> [x](y) `code` *bold* & \\"
    assert plain(evil) == r"\$1 \| b \<img src=x onerror=1\> \[x\](y) \`code\` \*bold\* &amp; \\"
    assert table([("Label", "Rows"), (evil, 3)]).count("\n") == 2


def test_columns_of_numbers_stand_to_the_right_columns_of_text_to_the_left() -> None:
    assert table([("A", "B"), (1, 2)]) == "| A | B |\n| :-- | --: |\n| 1 | 2 |"
    assert "| :-- | :-- |" in table([("A", "B")], right=False)
