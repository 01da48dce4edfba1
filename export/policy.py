"""Which reply, ask back, or hand over: the decision about one message, as a pure function.

In this order, the first that holds:

1. nothing was said yet: the greeting;
2. a reviewer has approved a reply to this very message or question: that reply. It goes before all that scores say,
   for most of what is corrected is a fallback; it stands back where its question only resembles this message, and
   the models are sure of another intent than the one it was approved for;
3. the message is out of scope: own up to it, and hand over when that was already said;
4. an intent whose confidence reaches the `answer` threshold: its approved answer, or a person where the profile
   says that this intent wants one;
5. an earlier reply of the brand whose score reaches the `reply` threshold and does not belong to another intent; the
   profile's answers stand among these replies, and go before the others that reach it;
6. a reply written for this conversation whose score reaches the `generated` threshold, if nobody has to vouch for a
   fact in it that neither the conversation nor the brand's own replies hold (export/drafts);
7. two intents close to each other and together likely: ask which of them it is, once;
8. otherwise: own up to it, then hand over.

The profile's reply mode moves what is written: `grounded` keeps this order, and writes only where an earlier reply
is at hand to write from; `hybrid` takes the better of 5 and 6; `generative` takes 6 before 5. None moves the profile's
answers.

Whatever is chosen must be *sayable*: free of banned phrases, with its placeholders filled from this conversation, and
not what the bot said one turn before. A choice that is not sayable is passed over, never mended.

A bot of several languages answers in that of the message: earlier and written replies that are surely in another of
them are passed over (export/tongue). Approved answers in another one are given where none is in the right one, for the
brand has vouched for them; so is what a reviewer approved for this very message, and the profile's own words for
greeting, asking back and handing over, of which there is one each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from data.profile import BotProfile
from export.banned import fold, says_banned
from export.corrections import Match
from export.placeholders import fill, placeholders
from export.situation import Action, Candidate, Situation, Source, is_out_of_scope, is_sure


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, what to say, where the words come from, and why, in one sentence without the customer's words."""

    action: Action
    source: Source
    reply: str
    reason: str
    intent: str | None = None


def decide(situation: Situation) -> Decision:
    """The one decision for `situation`. Always returns; always with a reason; never says a banned phrase."""
    if situation.opening:
        return _greet(situation)
    corrected = next(_corrected(situation), None)
    if corrected is not None:
        return corrected
    if is_out_of_scope(situation.understanding, situation.thresholds):
        return _give_up(situation, "The message looks out of scope")
    chosen = next(_answers(situation), None) or _clarify(situation)
    return chosen or _give_up(situation, _why_unsure(situation))


def wants_draft(situation: Situation) -> bool:
    """Whether a reply written for this conversation could be what is said, so that it is worth to write one."""
    if situation.opening or situation.thresholds.generated is None:
        return False
    if situation.profile.reply_mode == "grounded" and not situation.candidates:
        return False
    if next(_corrected(situation), None) or is_out_of_scope(situation.understanding, situation.thresholds):
        return False
    if is_sure(situation.understanding, situation.thresholds) and next(_approved(situation), None):
        return False
    if next(_found(situation, approved=True), None):
        return False
    return situation.profile.reply_mode != "grounded" or next(_found(situation, approved=False), None) is None


def _greet(situation: Situation) -> Decision:
    for text in _sayable(situation, situation.profile.greeting):
        return Decision("greet", "approved", text, "The conversation opens, and nothing has been asked yet.")
    return _give_up(situation, "The greeting of the profile cannot be said")


def _corrected(situation: Situation) -> Iterator[Decision]:
    """The approved corrections that may be said here, best first."""
    sure = is_sure(situation.understanding, situation.thresholds)

    def stands_back(match: Match) -> bool:
        return not match.equal and match.correction.reply in situation.foreign

    for match in sorted(situation.corrections, key=stands_back):
        correction = match.correction
        if not match.equal and sure and correction.intent not in (None, situation.understanding.intent):
            continue
        if placeholders(correction.reply) and not correction.echoes:
            continue
        what = "message" if match.equal else "question in other words"
        for text in _sayable(situation, correction.reply):
            reason = f"A reviewer approved this reply for the same {what}."
            intent = correction.intent or situation.understanding.intent
            yield Decision("answer", "approved", text, reason, intent)


def _answers(situation: Situation) -> Iterator[Decision]:
    """Everything that may be answered with, best first."""
    if is_sure(situation.understanding, situation.thresholds):
        yield from _approved(situation)
    yield from (decision for _, decision in _found(situation, approved=True))
    found = [*_found(situation, approved=False)], [*_written(situation)]
    retrieved, written = ([decision for _, decision in part] for part in found)
    if situation.profile.reply_mode == "hybrid":
        bars = situation.thresholds
        above = [(_above(score, bars.reply), said) for score, said in found[0]]
        above += [(_above(score, bars.generated), said) for score, said in found[1]]
        yield from (decision for _, decision in sorted(above, key=lambda one: -one[0]))
    elif situation.profile.reply_mode == "generative":
        yield from (*written, *retrieved)
    else:
        yield from (*retrieved, *written)


def _above(score: float, bar: float | None) -> float:
    """How far a score is above its bar, as a share of what is left above it: scores of two kinds, compared."""
    return 0.0 if bar is None else (score - bar) / max(1 - bar, 1e-6)


def _found(situation: Situation, *, approved: bool) -> Iterator[tuple[float, Decision]]:
    """The candidates that are approved answers, or those that are not, and may be said, with their scores, best
    first."""
    understanding, thresholds = situation.understanding, situation.thresholds
    if thresholds.reply is None:
        return
    what = "An approved answer" if approved else "An earlier reply of the brand"
    good = [one for one in situation.candidates if one.approved == approved and one.score >= thresholds.reply]
    for candidate in sorted(good, key=lambda candidate: -candidate.score):
        if candidate.flaws or _belongs_elsewhere(candidate, situation):
            continue
        if placeholders(candidate.text) and not candidate.echoes:
            continue
        for text in _sayable(situation, candidate.text):
            reason = f"{what} fits with {candidate.score:.2f}, at least {thresholds.reply:.2f}."
            intent = candidate.intent or understanding.intent
            yield candidate.score, Decision("answer", candidate.source, text, reason, intent)


def _written(situation: Situation) -> Iterator[tuple[float, Decision]]:
    """Replies written for this conversation that may be said, with their scores, best first."""
    bar = situation.thresholds.generated
    if bar is None:
        return
    for draft in sorted(situation.drafts, key=lambda draft: -draft.score):
        if draft.score < bar or draft.flaws:
            continue
        for text in _sayable(situation, draft.text):
            reason = f"A reply written for this conversation fits with {draft.score:.2f}, at least {bar:.2f}."
            yield draft.score, Decision("answer", "generated", text, reason, situation.understanding.intent)


def _approved(situation: Situation) -> Iterator[Decision]:
    understanding = situation.understanding
    name = understanding.intent or ""
    intent = situation.profile.intent(name)
    if intent is None:
        return
    bar = situation.thresholds.bar(understanding.language)
    sure = f"The intent {name!r} is sure with {understanding.confidence:.2f}, at least {bar:.2f}"
    if intent.handoff:
        yield _hand_over(situation, f"{sure}, and the profile hands it to a person.", name)
    ours = [answer for answer in intent.answers if answer not in situation.foreign]
    for answer in ours or intent.answers:
        for text in _sayable(situation, answer):
            yield Decision("answer", "approved", text, f"{sure}.", name)


def _belongs_elsewhere(candidate: Candidate, situation: Situation) -> bool:
    """Whether the reply was given for another intent than the one we are sure of."""
    sure = is_sure(situation.understanding, situation.thresholds)
    return sure and candidate.intent not in (None, situation.understanding.intent)


def _clarify(situation: Situation) -> Decision | None:
    ranking, thresholds, profile = situation.understanding.ranking, situation.thresholds, situation.profile
    if len(ranking) < 2 or _is_ask_back(situation.last_reply, profile.ask_back):
        return None
    first, second = ranking[0], ranking[1]
    together = first.probability + second.probability
    close = second.probability >= thresholds.clarify_ratio * first.probability
    if not close or not together >= thresholds.clarify_together:
        return None
    names = {"first": _readable(profile, first.intent), "second": _readable(profile, second.intent)}
    question = _FIELDS.sub(lambda match: names[match.group(1)], profile.ask_back)
    reason = f"The intents {first.intent!r} and {second.intent!r} are close, and hold {together:.2f} between them."
    for text in _sayable(situation, question):
        return Decision("clarify", "clarify", text, reason, first.intent)
    return None


def _give_up(situation: Situation, why: str) -> Decision:
    """Own up to not knowing; where that was the last reply, or cannot be said, hand over."""
    intent = situation.understanding.intent
    for text in _sayable(situation, situation.profile.fallback):
        return Decision("fallback", "handoff", text, f"{why}, so a colleague is offered.", intent)
    return _hand_over(situation, f"{why}, so a colleague takes over.", intent)


def _hand_over(situation: Situation, reason: str, intent: str | None) -> Decision:
    """Hand over with the first of the profile's own texts that can be said; repeated or mute rather than forbidden."""
    profile = situation.profile
    own = (profile.handoff, profile.fallback)
    fresh = (text for candidate in own for text in _sayable(situation, candidate))
    stale = (text for text in own if not says_banned(text, profile.banned_phrases) and not placeholders(text))
    reply = next(fresh, None) or next(stale, "")
    return Decision("handoff", "handoff", reply, reason, intent)


def _sayable(situation: Situation, text: str) -> Iterator[str]:
    """`text` as it can be said here, or nothing."""
    filled = fill(text, situation.values)
    if filled is None or says_banned(filled, situation.profile.banned_phrases):
        return
    if situation.last_reply is None or fold(filled) != fold(situation.last_reply):
        yield filled


def _why_unsure(situation: Situation) -> str:
    understanding = situation.understanding
    bar = situation.thresholds.bar(understanding.language)
    if understanding.intent is None:
        return "No earlier reply fits well enough"
    if is_sure(understanding, situation.thresholds):
        return f"The intent {understanding.intent!r} is sure, but nothing that may be said answers it"
    if bar is None:
        where = f" in {understanding.language}" if understanding.language in situation.thresholds.by_language else ""
        return f"This release has no threshold at which it may answer{where}"
    return f"The likeliest intent {understanding.intent!r} has {understanding.confidence:.2f}, below {bar:.2f}"


def _readable(profile: BotProfile, name: str) -> str:
    intent = profile.intent(name)
    return intent.readable if intent is not None else name.replace("_", " ")


_FIELDS = re.compile(r"\{(first|second)\}")


def _is_ask_back(text: str | None, template: str) -> bool:
    if text is None:
        return False
    pattern = "".join(".*" if i % 2 else re.escape(piece) for i, piece in enumerate(_FIELDS.split(template)))
    return re.fullmatch(pattern, text, re.DOTALL) is not None
