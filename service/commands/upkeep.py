"""`attune doctor`: whether all that the store promises is there and whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from data import doctor
from service.session import Session
from service.tables import findings_table
from service.terminal import Answer
from service.verbs import verb


@dataclass(frozen=True, kw_only=True)
class DoctorAsked:
    check: Annotated[bool, typer.Option("--check", help="Exit 1 for anything found, not for damage alone.")] = False
    repair: Annotated[bool, typer.Option("--repair", help="Remove files that belong to nothing.")] = False


def examine(session: Session, asked: DoctorAsked) -> Answer:
    """Check the database, every file's hash, the live pointers, leases and orphans. Exit 1 when one is damaged."""
    with session.store() as store:
        found = doctor.repair(store, session.settings) if asked.repair else doctor.examine(store, session.settings)
    wire = [finding.to_wire() for finding in found]
    grave = [finding for finding in found if asked.check or finding.severity == "error"]
    return Answer(
        {"healthy": not found, "findings": wire}, findings_table(wire, "All is well."), code=1 if grave else 0
    )


def register(app: typer.Typer) -> None:
    verb(app, "doctor")(examine)
