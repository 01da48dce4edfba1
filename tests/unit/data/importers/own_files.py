"""Every whole fixture of the importers, and the table of docs/formats.md that counts what becomes of each.

    python -m tests.unit.data.importers.own_files

writes the table anew; `test_formats_page` keeps it true.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.importers.nouns import FORMATS
from tests.bench.export_formats import HEAD, line
from tests.unit.data.importers import ai_files, bot_files, desk_files, rasa_files, research_files, table_files

PAGE = Path(__file__).parents[4] / "docs" / "formats.md"
TITLE = "Counts on the project's own fixtures"
FIXTURES = Path(__file__).parent / "fixtures"
CHATS = {
    "slack": ["slack"],
    "whatsapp": ["whatsapp_android_en.txt", "whatsapp_ios_de.txt"],
    "signal": ["signal.txt"],
    "telegram": ["telegram_account.json"],
    "telegram_html": ["telegram_page.html"],
    "messenger": ["messenger.json", "messenger_encrypted.json"],
    "instagram": ["instagram.json"],
    "transcript": ["transcript.txt", "transcript_names.txt"],
}
ROWS = [[str(cell or "") for cell in row] for row in table_files.CHAT]
OBJECTS = [dict(zip(ROWS[0], row, strict=True)) for row in ROWS[1:]]
MADE: dict[str, list[bytes]] = {
    "csv": ["\n".join(",".join(row) for row in ROWS).encode()],
    "tsv": ["\n".join("\t".join(row) for row in ROWS).encode()],
    "jsonl": [ai_files.lines({"messages": ai_files.TOOLS})],
    "chatgpt": [ai_files.dumped(ai_files.chatgpt())],
    "open_webui": [ai_files.dumped(ai_files.open_webui())],
    "openai_chat": [ai_files.dumped([{"messages": ai_files.TOOLS}])],
    "completions": [ai_files.dumped(ai_files.COMPLETIONS)],
    "sharegpt": [ai_files.dumped(ai_files.SHAREGPT)],
    "alpaca": [ai_files.dumped(ai_files.ALPACA)],
    "preference": [ai_files.lines(ai_files.HH), *(ai_files.lines(pair) for pair in ai_files.PAIRS.values())],
    "json": [ai_files.dumped(OBJECTS)],
    "xlsx": [table_files.workbook(table_files.CHAT)],
    "parquet": [table_files.parquet(OBJECTS)],
}


def files() -> Iterator[tuple[str, bytes]]:
    """(kind/number, content) of every fixture, in the order in which the kinds are listed."""
    documents: dict[str, Any] = {**desk_files.DESKS, **research_files.CORPORA}
    known: dict[str, list[bytes]] = {
        **{kind: [_stored(name) for name in names] for kind, names in CHATS.items()},
        **bot_files.FILES,
        **rasa_files.FILES,
        **{kind: [json.dumps(body).encode()] for kind, body in documents.items()},
        **MADE,
    }
    for kind in FORMATS:
        for number, content in enumerate(known.get(kind, ()), 1):
            yield f"{kind}/{number}", content


def section() -> str:
    """The table as the page holds it."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "upload"
        rows = []
        for name, content in files():
            path.write_bytes(content)
            rows.append(line(name, path)[0])
    return "\n".join([HEAD, *rows])


def written() -> str:
    """The table that stands on the page."""
    return _parts()[1].strip()


def _parts() -> tuple[str, str, str]:
    before, rest = PAGE.read_text(encoding="utf-8").split(f"## {TITLE}\n")
    told, _, table = rest.partition(HEAD.split("\n")[0])
    table, _, after = (HEAD.split("\n")[0] + table).partition("\n## ")
    return f"{before}## {TITLE}\n{told}", table, f"\n## {after}"


def _stored(name: str) -> bytes:
    path = FIXTURES / name
    if path.is_file():
        return path.read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for one in sorted(path.rglob("*.json")):
            archive.writestr(one.relative_to(path).as_posix(), one.read_bytes())
    return packed.getvalue()


if __name__ == "__main__":
    before, _, after = _parts()
    PAGE.write_text(f"{before}{section()}\n{after}", encoding="utf-8")
