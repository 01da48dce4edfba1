"""The fixtures of the hostile tests. What they are made of is in `stage`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.flow.http.stage import Site, furnish, populate, site_at


def pytest_itemcollected(item: pytest.Item) -> None:
    """Name what Schemathesis makes of each operation by the operation: its 4.32 leaves that out under pytest 9.2."""
    if item.parent is not None and not item.nodeid.endswith(item.name):
        item._id = item.parent.id.child(item.name)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The home, populated, and an application on it that limits no rate."""
    home = tmp_path_factory.mktemp("home")
    with site_at(home, furnish(home)) as made:
        populate(made)
        yield made
