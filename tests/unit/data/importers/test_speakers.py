"""Who speaks for the brand, and how sure that is."""

from __future__ import annotations

import pytest

from data.importers.speakers import Chat, Person, customer_of, decide, is_named

ANN, BEN, CAT, DAN = range(4)
PEOPLE = [Person("ann"), Person("ben"), Person("cat"), Person("dan")]


def brand(decision, chats, people=PEOPLE):
    return {
        people[one].key
        for number, chat in enumerate(chats)
        for one in chat.speakers
        if decision.role(one, number, people[one]) != "user"
    }


def test_those_whom_the_owner_names():
    people = [Person("u1", "Ann Lee", "ann@acme.example"), Person("u2", "Ben", "ben@acme.example"), Person("u3", "Cat")]
    chats = [Chat((0, 1, 2))]
    for named in (["ann lee"], ["U1"], ["ANN@acme.example"]):
        decision = decide(people, chats, named)
        assert (decision.decided_by, decision.confidence, decision.is_guess) == ("named", 1.0, False)
        assert brand(decision, chats, people) == {"u1"}
    for named in (["acme.example"], ["@ACME.example"]):
        assert brand(decide(people, chats, named), chats, people) == {"u1", "u2"}
    assert decide(people, chats, ["nobody"]).decided_by != "named"
    assert not is_named(people[2], ["", "@"])


def test_a_name_wins_over_the_role_the_format_states():
    people = [Person("bot", role="assistant"), Person("ann", role="user")]
    decision = decide(people, [Chat((0, 1))], ["ann", "bot"])
    assert [decision.role(one, 0, people[one]) for one in (0, 1)] == ["assistant", "agent"]


@pytest.mark.parametrize(
    ("roles", "expected", "confidence"),
    [
        (("assistant", "user"), ["assistant", "user"], 1.0),
        (("agent", "user", None), ["agent", "user", "user"], 0.9),
        (("user", None), ["user", "agent"], 0.9),
        (("assistant", None), ["assistant", "user"], 0.8),
    ],
)
def test_roles_that_the_format_states(roles, expected, confidence):
    people = [Person(str(number), role=role) for number, role in enumerate(roles)]
    decision = decide(people, [Chat(tuple(range(len(roles))))])
    assert [decision.role(one, 0, person) for one, person in enumerate(people)] == expected
    assert (decision.decided_by, decision.confidence) == ("roles", confidence)


def test_the_domain_that_is_in_several_conversations():
    domains = ["acme.example", "acme.example", "gmail.com", "gmail.com", "one.example"]
    people = [Person(name, address=f"{name}@{domain}") for name, domain in zip("abcde", domains, strict=True)]
    chats = [Chat((2, 0)), Chat((3, 1)), Chat((4, 0))]
    decision = decide(people, chats)
    assert decision.decided_by == "domain"
    assert brand(decision, chats, people) == {"a", "b"}
    assert decide(people[2:4], [Chat((0, 1))] * 3).decided_by != "domain"


def test_those_common_to_most_conversations():
    people = [Person(f"p{number}") for number in range(42)]
    agents = (40, 41)
    chats = [Chat((customer, agents[customer % 2])) for customer in range(20)] + [Chat((3, 41)), Chat((4, 40))]
    decision = decide(people, chats)
    assert decision.decided_by == "common"
    assert brand(decision, chats, people) == {"p40", "p41"}
    assert decision.is_guess
    assert decision.confidence > 0.9


def test_who_answers_first():
    chats = [Chat((ANN, BEN), {BEN: 3, ANN: 1})]
    decision = decide(PEOPLE, chats)
    assert (decision.decided_by, decision.is_guess) == ("first_answer", True)
    assert brand(decision, chats) == {"ben"}
    assert decision.confidence < 0.8
    same_group_twice = [Chat((ANN, BEN, CAT, DAN), {CAT: 4}), Chat((BEN, ANN, DAN, CAT), {CAT: 2, ANN: 1})]
    assert brand(decide(PEOPLE, same_group_twice), same_group_twice) == {"cat"}


def test_one_who_speaks_alone():
    decision = decide(PEOPLE[:1], [Chat((ANN,))])
    assert brand(decision, [Chat((ANN,))]) == set()
    assert decision.confidence == 0.0


def test_the_report_names_a_few_and_counts_all():
    people = [Person(f"p{number}", role="agent") for number in range(9)] + [Person("c", role="user")]
    found = decide(people, [Chat(tuple(range(10)))]).found(people, [Chat(tuple(range(10)))])
    assert (len(found.brand), found.brand_count, found.customer_count) == (5, 9, 1)


def test_customers_have_no_name():
    assert customer_of("Jane Doe") == customer_of("Jane Doe") != customer_of("John Doe")
    assert "Jane" not in customer_of("Jane Doe")
