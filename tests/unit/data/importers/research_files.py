"""Dialogues in the shapes of published corpora, of our own writing, with every construct that is read."""

from __future__ import annotations

from typing import Any

ABCD = [
    {"convo_id": 1, "scenario": {"flow": "lamps", "subflow": "bulb_2", "personal": {"username": "zoe1"}},
     "original": [["agent", "Hello"], ["customer", "hi"], ["customer", "my desk lamp needs a bulb"],
                  ["action", "Account has been pulled up."], ["agent", "Warm white?"],
                  ["customer", "that would be nice"]],
     "delexed": [{"speaker": "agent", "text": "hello", "targets": ["bulb", "retrieve_utterance", None, [], 3]}]},
    {"convo_id": 2, "scenario": {"flow": "lamps", "subflow": "broken"},
     "original": [["customer", "it broke on the way"], ["agent", "Oh"], ["nobody", "x"], ["agent"], "x"]},
]  # fmt: skip
TASKMASTER = [
    {"conversation_id": "dlg-1", "instruction_id": "lamp-1", "utterances": [
        {"index": 0, "speaker": "USER", "text": "two tall lamps please", "segments": [
            {"start_index": 0, "end_index": 3, "text": "two", "annotations": [{"name": "number"}, {"name": "number"}]},
            {"start_index": 4, "end_index": 14, "text": "tall lamps", "annotations": [{"name": "item"}]},
            {"start_index": 4, "end_index": 9, "text": "lamps", "annotations": [{"name": "item"}]}]},
        {"index": 1, "speaker": "assistant", "text": "Done.", "apis": []},
        {"index": 2, "speaker": "USER", "text": ""}, 7]},
    {"conversation_id": "dlg-2", "vertical": "lamps", "instructions": "...", "utterances": [
        {"index": 0, "speaker": "user", "text": "hello"}]},
]  # fmt: skip
SCHEMA_GUIDED = [
    {"dialogue_id": "1_1", "services": ["Lamps_1"], "turns": [
        {"speaker": "USER", "utterance": "A lamp for the desk", "frames": [
            {"service": "Lamps_1", "actions": [], "state": {"active_intent": "FindLamp", "slot_values": {}},
             "slots": [{"slot": "place", "start": 15, "exclusive_end": 19}, {"slot": "kind", "value": ["lamp"]}]}]},
        {"speaker": "SYSTEM", "utterance": "This one?", "frames": [{"service": "Lamps_1", "slots": []}]},
        {"speaker": "USER", "utterance": "Yes", "frames": [
            {"service": "Lamps_1", "state": {"active_intent": "FindLamp"}, "slots": [
                {"slot": "x", "start": 0, "exclusive_end": 30}]}]},
        {"speaker": "USER", "utterance": "Buy it", "frames": [
            {"service": "Lamps_1", "state": {"active_intent": "BuyLamp"}},
            {"service": "Bulbs_1", "state": {"active_intent": "NONE"}}]}]}
]  # fmt: skip
STAR = {
    "FORMAT-VERSION": 7, "DialogueID": 12, "Scenario": {"Domains": ["lamps"], "Happy": True}, "Events": [
        {"Agent": "UserGuide", "Action": "instruct", "Text": "Ask for a lamp"},
        {"Agent": "User", "Action": "utter", "Text": "A lamp please", "UnixTime": 1_709_280_000},
        {"Agent": "Wizard", "Action": "request_suggestions", "Text": "Which"},
        {"Agent": "Wizard", "Action": "pick_suggestion", "Text": "Which one?", "ActionLabel": "ask"},
        {"Agent": "KnowledgeBase", "Action": "return_item", "Item": {}}],
}  # fmt: skip
TAU = [
    {"task_id": 3, "reward": 1.0, "info": {}, "trial": 0, "traj": [
        {"role": "system", "content": "# Policy"}, {"role": "user", "content": "I want my lamp exchanged"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c"}]},
        {"role": "tool", "tool_call_id": "c", "name": "find", "content": "{}"},
        {"role": "assistant", "content": "It is done."}, {"role": "user", "content": "Thanks ###STOP###"},
        {"role": "user", "content": "###STOP###"}]}
]  # fmt: skip
CORPORA: dict[str, Any] = {
    "abcd": ABCD, "taskmaster": TASKMASTER, "schema_guided": SCHEMA_GUIDED, "star": [STAR], "tau_bench": TAU,
}  # fmt: skip
