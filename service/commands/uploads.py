"""`attune import`: files of logs, and the report of what became of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group

from data.errors import AttuneError, FindingsTooBad, StorageError
from data.importers import ImportOptions
from data.ingest import dry_run
from service import field_map
from service.commands.findings import FailOn, Html, check_page, fails, write_page
from service.imports import Desk, pooled
from service.progress import meter
from service.report_page import report_page
from service.session import Session, readable_file
from service.tables import findings_table, report_table, text
from service.terminal import Answer
from service.verbs import BotName, verb

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE", help="Logs of any kind (docs/formats.md), plain, .gz or .zip.")
]


@dataclass(frozen=True, kw_only=True)
class ImportAsked:
    bot: BotName
    files: Files
    format: Annotated[
        str | None, typer.Option("--format", help="Such as csv or jsonl (docs/formats.md); found out when not given.")
    ] = None
    brand: Annotated[
        list[str],
        typer.Option(
            "--brand", metavar="WHO",
            help="Who speaks for the brand in chats and mails: a name, an address, or a domain. May be repeated.",
        ),
    ] = field(default_factory=list)  # fmt: skip
    field_map: Annotated[
        list[str],
        typer.Option(
            "--map", "--field-map", "--field", metavar="FIELD=COLUMN",
            help="Which column of a table holds what: text=Message,role=Author; who a value of the role column is:"
            " role.Kunde=user; a JSON object, or a JSON or TOML file of them.",
        ),
    ] = field(default_factory=list)  # fmt: skip
    sheet: Annotated[
        str | None, typer.Option("--sheet", help="The sheet of a workbook; else the first with a header.")
    ] = None
    encoding: Annotated[str | None, typer.Option("--encoding", help="Such as utf-8 or cp1252; else found out.")] = None
    delimiter: Annotated[str | None, typer.Option("--delimiter", help="One character; else found out.")] = None
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what can be mended: twins of labels, missing labels, signatures.")
    ] = False
    fail_on: FailOn = "never"
    html: Html = None
    dry: Annotated[bool, typer.Option("--dry-run", help="Report what would happen; keep nothing.")] = False

    def options(self) -> ImportOptions:
        """Raises UsageError."""
        return ImportOptions.from_wire(
            {
                "format": self.format,
                "encoding": self.encoding,
                "delimiter": self.delimiter,
                "fields": field_map.of_command_line(self.field_map),
                "sheet": self.sheet,
                "brand": self.brand,
                "fix": self.fix,
                "fail_on": self.fail_on,
            }
        )


def import_files(session: Session, asked: ImportAsked) -> Answer:
    """Import files of logs, and report what became of every row. The same file again changes nothing."""
    options = asked.options()
    check_page(asked.html)
    with session.store() as store, meter(session.terminal.err) as shown:
        desk = Desk(store, session.settings, session.bot(store, asked.bot))

        def take(path: Path) -> dict[str, Any]:
            shown.tell({"type": "phase", "phase": f"Importing {path.name}"})
            if asked.dry:
                report = dry_run(readable_file(path), path.name, options, session.settings.imports)
                return {**report.to_wire(), "file": path.name}
            return desk.take(path, options, shown.tell).to_wire(path.name)

        reports, refused = _each(asked.files, take)
    _write_page(asked.html, reports, refused)
    if refused and len(asked.files) == 1:
        _show_findings(session, refused[0][1])
        raise refused[0][1]
    wire = pooled(reports)
    failed = [{"file": path.name, "error": error.to_wire()} for path, error in refused]
    grave = asked.dry and fails(wire["findings"], asked.fail_on)
    tables = [report_table(report) for report in reports]
    said = [text(f"{path.name}: {error}", "red") for path, error in refused]
    if refused:
        said.append(text(f"{len(reports)} of {len(asked.files)} files were read; {len(refused)} were refused."))
    return Answer(
        {**wire, **({"failed": failed} if failed else {})}, Group(*tables, *said), code=int(bool(failed or grave))
    )


def register(app: typer.Typer) -> None:
    verb(app, "import")(import_files)


def _write_page(path: Path | None, reports: list[dict[str, Any]], refused: list[tuple[Path, AttuneError]]) -> None:
    """The page of all files, also of those whose findings kept them out."""
    kept_out = [
        {"title": path.name, "lead": error.message, "findings": error.findings}
        for path, error in refused
        if isinstance(error, FindingsTooBad)
    ]
    if path is not None and (reports or kept_out):
        write_page(path, report_page([*reports, *kept_out]))


def _show_findings(session: Session, error: AttuneError) -> None:
    """Why nothing was kept, for people; with `--json` the error itself holds the findings."""
    if isinstance(error, FindingsTooBad) and not session.terminal.as_json:
        session.terminal.out.print(findings_table(error.findings, ""))


def _each(
    paths: list[Path], take: Callable[[Path], dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[tuple[Path, AttuneError]]]:
    """Take every file; one that is refused keeps none of the others back. Trouble with the store ends it all."""
    reports, refused = [], []
    for path in paths:
        try:
            reports.append(take(path))
        except StorageError:
            raise
        except AttuneError as error:
            refused.append((path, error))
    return reports, refused
