"""The findings that exist: how bad each is and what to do about it. docs/formats.md explains each with an example.

`fixable` means that attune mends it: by itself, in which case there is nothing to do, or when it is asked to (`--fix`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from data.schema import Finding, Severity


class Kind(NamedTuple):
    """What a finding code stands for."""

    severity: Severity
    remedy: str
    fixable: bool = False


def finding_of(
    kinds: Mapping[str, Kind], code: str, count: int, sample: str = "", rows: tuple[int, ...] = ()
) -> Finding:
    """A finding with the severity and the remedy that its code has among `kinds`."""
    kind = kinds[code]
    return Finding(code, kind.severity, count, kind.remedy, rows, sample, kind.fixable)


SET_ASIDE: Mapping[str, Kind] = {
    "malformed_json": Kind("warning", "Write whole JSON: an object per line, or one document that does not break off."),
    "malformed_yaml": Kind("warning", "Mend the YAML at the line that is named; what stands before it was read."),
    "not_an_object": Kind("warning", "Every line is one JSON object, not a list, text or number."),
    "duplicate_keys": Kind("warning", "Give every key of an object once."),
    "number_out_of_range": Kind("warning", "Write finite numbers of at most 64 bits; ids can be texts."),
    "lone_surrogate": Kind("warning", "Write characters beyond U+FFFF as a pair of \\u escapes, or as themselves."),
    "too_deep": Kind("warning", "Flatten objects nested more than 32 deep."),
    "undecodable": Kind("warning", "Save the whole file in one encoding, best UTF-8, or name its encoding."),
    "line_too_long": Kind("warning", "Break the line up, or raise imports.max_line_bytes."),
    "unknown_shape": Kind("warning", "Use a shape of docs/formats.md, or map the fields of flat lines (map)."),
    "missing_field": Kind("warning", "Every message has a role and a text; in tables also a conversation."),
    "wrong_type": Kind("warning", "Texts are texts, messages are a list of objects."),
    "unknown_role": Kind("warning", "Say who it is, --map role.NAME=user, or name who speaks for the brand."),
    "label_invalid": Kind("warning", "A label is at most 120 visible characters."),
    "several_labels": Kind("warning", "Give one label per text; several at once are not learned yet."),
    "empty_message": Kind("info", "Nothing to do: there is nothing to learn from a message without text."),
    "empty_conversation": Kind("info", "Nothing to do: the conversation holds no message."),
    "too_long": Kind("warning", "Shorten the message, or raise imports.max_cell_chars."),
    "too_many_turns": Kind("warning", "Split the conversation, or raise imports.max_turns."),
    "ragged_row": Kind("warning", "Put cells that hold the delimiter in double quotes; check the number of cells."),
    "malformed_row": Kind("warning", "Write the line as its format asks; in tables, a quote in a quoted cell twice."),
    "unclosed_quote": Kind("warning", "Close the quoted cell; the rows after it were read all the same."),
    "unreadable_file": Kind("warning", "Mend this file of the archive, or upload it by itself to see what it lacks."),
    "document_too_large": Kind("warning", "Split the file, or raise imports.max_document_bytes."),
    "system_notice": Kind("info", "Nothing to do: the source wrote this, nobody said it."),
    "deleted_message": Kind("info", "Nothing to do: its author took it back."),
    "earlier_version": Kind("info", "Nothing to do: the last version of an edited message is used."),
    "attachment_only": Kind("info", "Nothing to do: a file or picture without words teaches nothing."),
    "private_note": Kind("info", "Nothing to do: what colleagues write to each other is kept out."),
    "placeholder_text": Kind("warning", "Give the entity in braces example values, or write out what customers say."),
    "response_unknown": Kind("warning", "Upload the whole project, its domain too: it says what stands behind a name."),
    "auto_reply": Kind("info", "Nothing to do: a program wrote this while nobody was there.", fixable=True),
    "tool_message": Kind("info", "Nothing to do: what a program asked a tool or thought by itself, nobody said."),
    "other_branch": Kind("info", "Nothing to do: it was edited or asked for again; the branch shown last is used."),
    "rejected_reply": Kind("info", "Nothing to do: of two replies the worse one is never learned."),
    "duplicate_conversation": Kind("info", "Nothing to do: the first of them is used.", fixable=True),
    "erased": Kind("info", "Nothing to do: somebody who was erased stays out; the file itself is not kept."),
}

NOTICED: Mapping[str, Kind] = {
    "encoding_guessed": Kind("warning", "Check the samples; save as UTF-8, or name the encoding when importing."),
    "mojibake_repaired": Kind("info", "Nothing to do; better still, export the source as UTF-8.", fixable=True),
    "replacement_characters": Kind("warning", "Characters were lost before the upload: export again from the source."),
    "special_tokens": Kind("info", "Nothing to do: tokens of language models in messages are treated as plain text."),
    "near_duplicates": Kind("info", "Nothing to do: repeats share one split and one weight.", fixable=True),
    "label_twins": Kind("warning", "Spellings of one label: choose one, or import with --fix.", fixable=True),
    "labels_mended": Kind("info", "Nothing to do: the most frequent spelling was taken, as asked.", fixable=True),
    "conflicting_labels": Kind("warning", "The same text carries two labels: decide which is right."),
    "small_classes": Kind("warning", "Label at least five examples of each of these, better twenty."),
    "odd_labels": Kind(
        "warning", "These look like missing values: rename them, or drop them with --fix.", fixable=True
    ),
    "single_label": Kind("warning", "A classifier needs at least two labels."),
    "many_labels": Kind("warning", "Check that the label column holds labels, not ids or free text."),
    "imbalance": Kind("info", "One label is over twenty times as frequent as another: label more of the rare ones."),
    "long_turns": Kind(
        "info", "Models read the beginning and the end of a message this long: shorten it to its point."
    ),
    "boilerplate": Kind("info", "These lines stand in many messages of the brand: leave them out of replies to learn."),
    "signatures": Kind("info", "Mail signatures teach nothing: cut them off, or import with --fix.", fixable=True),
    "signatures_cut": Kind("info", "Nothing to do: what stood below the words was cut off, as asked.", fixable=True),
    "auto_replies": Kind("warning", "A program wrote these: leave them out, or import with --fix.", fixable=True),
    "much_redacted": Kind("warning", "So much was redacted that little is left to learn: check imports.order_number."),
    "one_sided": Kind("info", "Only one side speaks: such conversations teach intents at most, no replies."),
    "mixed_languages": Kind("warning", "Check that the base model knows these languages, or give each its own bot."),
    "timestamp_ignored": Kind("info", "Write times as RFC 3339, such as 2026-01-31T09:30:00Z."),
    "timestamp_without_zone": Kind("info", "UTC was assumed: add Z or an offset such as +01:00."),
    "rating_ignored": Kind("info", "Conversations are rated 1 to 5, messages -1 or 1."),
    "entities_dropped": Kind("warning", "Entities need whole start and end inside their text, and a type."),
    "sheets_skipped": Kind("info", "Name another sheet (sheet) if it holds what should be read."),
    "rows_above_header": Kind("info", "Nothing to do: titles above the row that names the columns are no messages."),
    "fields_ignored": Kind("info", "Nothing to do, unless one of these fields should have been read."),
    "columns_ignored": Kind("info", "Name a column in the field map (map) if it should have been read."),
    "long_quoted_cell": Kind("warning", "A quoted cell runs over more than twenty lines: check its quotes."),
    "speakers_guessed": Kind("warning", "Check who was taken for the brand; if wrong, name them (brand)."),
    "brand_not_found": Kind("warning", "Nobody whom you named takes part: check the spelling of names and addresses."),
    "dates_guessed": Kind("warning", "Day and month could be swapped in every date: export with ISO dates to be sure."),
    "dates_undecided": Kind("warning", "Day and month could be swapped in every date: none is used. Write ISO dates."),
    "quotes_cut": Kind("info", "Nothing to do: earlier mails below the words of a message are left out.", fixable=True),
    "attachments_ignored": Kind("info", "Nothing to do: the words beside a file are used, the file is not."),
    "extras_ignored": Kind("info", "Nothing to do: reactions, buttons, previews and polls teach no replies."),
    "not_learned": Kind("info", "Nothing to do: replies marked as not to be learned stay what was said before."),
    "edited_messages": Kind("info", "Nothing to do: the last version of each is used."),
    "mentions_unknown": Kind("info", "Export the list of members too: some mentions name nobody."),
    "names_unknown": Kind("info", "Nothing to do: these messages do not say who wrote them; they count as one person."),
    "files_skipped": Kind("info", "Nothing to do, unless one of these files holds conversations: upload it by itself."),
    "definition_left_out": Kind("warning", "A profile has no room for these parts of the bot's definition: check it."),
    "answers_unfilled": Kind("warning", "Nothing fills the placeholders of these answers: write answers without any."),
    "parts_ignored": Kind("info", "Nothing to do: prompts, cards, webhooks, contexts and the like are not taken over."),
    "placeholders_filled": Kind("info", "Nothing to do: templates were filled with example values of their entities."),
    "intents_unknown": Kind(
        "warning", "Keep the export's file names, which hold the intents, or upload it as a whole."
    ),
    "references_left_out": Kind("info", "Upload the files that are referred to as well, best in one zip."),
    "keys_repeated": Kind("warning", "Give every key of a mapping once: the last one counts."),
    "leakage": Kind("warning", "Texts of the test stand in train: take them out of one of the two."),
    "near_leakage": Kind("info", "Texts of the test resemble some of train: scores on them flatter the model."),
    "seen_in_train": Kind("info", "Nothing to do: test messages that stand in train are measured apart.", fixable=True),
    "missing_from_split": Kind("warning", "Label more conversations with these, so that each split holds some."),
    "label_errors": Kind("warning", "Look at these first: a model that did not see them is sure of another label."),
    "unknown_tokens": Kind("warning", "The base model lacks these characters or words: choose another base."),
    "too_little_data": Kind("warning", "Add what is said to be missing; until then figures mean little."),
    "more_data_helps": Kind("info", "Label more of what is confused most: the learning curve still rises."),
    "no_rows": Kind("error", "The file holds no rows: check that it was exported whole."),
    "format_mistaken": Kind("error", "Nothing in the file reads as the format that was named: name another, or none."),
    "nothing_used": Kind("error", "Every row was set aside: see the other findings for the reasons."),
}

CATALOGUE: Mapping[str, Kind] = {**SET_ASIDE, **NOTICED}
