"""Releases: sealed last, verified on load, refused by name of what is wrong."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from data.errors import IntegrityError, NotFound
from data.profile import BotProfile
from export import release as module
from export.release import (
    ReleaseFacts,
    open_release,
    publish_release,
    running_versions,
    seal_release,
    verify_release,
)
from export.sealed import seal
from export.thresholds import Thresholds

PROFILE = BotProfile(name="acme", greeting="Grüß Gott.")


@pytest.fixture
def facts(exported, tmp_path, lay):
    digest = lay(exported, tmp_path / "encoders")
    return ReleaseFacts(
        bot="acme",
        number=7,
        created_at="2026-11-21T00:00:00Z",
        labels=("refund", "oos"),
        thresholds=Thresholds(answer=0.8, oos=0.3),
        encoders={"intent": digest},
        prepare={"phone_region": "GB"},
        lineage={"dataset": "ab12"},
        versions={"torch": "2.13.0"},
    )


@pytest.fixture
def folder(tmp_path, facts):
    work = tmp_path / "tmp" / "w"
    work.mkdir(parents=True)
    (work / "card.md").write_text("# acme")
    seal_release(work, facts, PROFILE)
    final = tmp_path / "releases" / "acme" / "7"
    assert publish_release(work, final)
    return final


def test_opens_as_it_was_sealed(folder, facts, tmp_path):
    release = verify_release(folder, tmp_path / "encoders")
    assert release.name == "acme@7"
    assert replace(release.facts, versions={}) == replace(facts, versions={})
    assert release.facts.versions == {**running_versions(), "torch": "2.13.0"}
    assert release.profile == PROFILE
    assert release.has("card.md")
    assert not release.has("verdict.json")
    assert open_release(folder, verify=False).digest == release.digest


def test_no_release_no_manifest(folder, tmp_path):
    with pytest.raises(NotFound):
        open_release(tmp_path / "releases" / "acme" / "8")
    (folder / "manifest.json").unlink()
    with pytest.raises(IntegrityError, match="not a complete release"):
        open_release(folder)


@pytest.mark.parametrize("name", ["card.md", "profile.json"])
def test_a_changed_file_is_named(folder, name):
    (folder / name).write_text("{}")
    with pytest.raises(IntegrityError, match=f"{name} has changed"):
        open_release(folder)


def test_a_damaged_encoder_is_found(folder, tmp_path, facts):
    (tmp_path / "encoders" / facts.encoders["intent"] / "tokenizer.json").write_text("{}")
    assert open_release(folder).name == "acme@7"
    with pytest.raises(IntegrityError, match=r"tokenizer\.json has changed"):
        verify_release(folder, tmp_path / "encoders")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": 2}, "is of format 2"),
        ({"labels": None}, "lacks"),
        ({"thresholds": {"oos": "high"}}, "not a number"),
        ({"thresholds": None}, "lacks"),
        ({"encoders": {"speech": "0"}}, "lacks"),
        ({"encoders": {"intent": 5}}, "lacks"),
        ({"encoders": []}, "lacks"),
    ],
)
def test_a_manifest_that_does_not_hold_is_refused(folder, change, told):
    body = json.loads((folder / "manifest.json").read_bytes()) | change
    body.pop("files")
    seal(folder, "manifest.json", body)
    with pytest.raises(IntegrityError, match=told):
        open_release(folder)


def test_a_manifest_without_a_fact_is_refused(folder):
    body = json.loads((folder / "manifest.json").read_bytes())
    del body["lineage"]
    (folder / "manifest.json").write_text(json.dumps(body))
    with pytest.raises(IntegrityError, match="lacks what a release must name"):
        open_release(folder)


@pytest.mark.parametrize("raw", ["", "[]", '{"name": ""}'])
def test_a_profile_that_is_none_is_refused(folder, raw):
    (folder / "profile.json").write_text(raw)
    with pytest.raises(IntegrityError, match="profile inside this release"):
        open_release(folder, verify=False)


@pytest.mark.parametrize("encoders", [{}, {"speech": "0" * 64}])
def test_a_release_names_its_encoders(tmp_path, facts, encoders):
    with pytest.raises(IntegrityError, match="names encoders"):
        seal_release(tmp_path, replace(facts, encoders=encoders), PROFILE)


def test_versions_of_a_source_tree_are_said_to_be_unknown(monkeypatch):
    monkeypatch.setattr(module, "READ_SIDE", ("no-such-package-anywhere",))
    assert running_versions() == {"no-such-package-anywhere": "unknown"}
