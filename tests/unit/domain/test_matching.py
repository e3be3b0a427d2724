"""Which conversation a message joins: every combination of proofs, and none of them unsafe."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.contact import Identity
from gateway.domain.conversation import Conversation, Thread
from gateway.domain.draft import Draft, ThreadRef
from gateway.domain.known import Known, KnownConversation, KnownReference, RecentText
from gateway.domain.matching import DAY, Apart, Joined, MatchingPolicy, match, open_to_plugins
from gateway.domain.message import Address, Trust
from gateway.domain.tokens import Keyring, Named

NOW = 1_780_000_000_000
HOUR = 3_600_000
MINE, OTHERS = 100, 200  # conversations: the one that Ann takes part in, and one she does not
ANN, EVE, BOB = 1, 2, 3  # identities; Bob is the agent
RING = Keyring([b"k" * 32])
FORGED = Keyring([b"f" * 32])
TEXT = "Where is my order? I have been waiting since Monday."

TOKENS = {
    "none": (),
    "ok": (RING.make("default", MINE),),
    "short": (RING.make_short("default", MINE),),
    "bad": (FORGED.make("default", MINE),),
    "other tenant": (RING.make("acme", MINE),),
    "other conversation": (RING.make("default", OTHERS),),
    "unknown conversation": (RING.make("default", 999),),
    "both": (RING.make("default", OTHERS), RING.make("default", MINE)),
}
SENDERS = {"known": ANN, "stranger": EVE, "agent": BOB, "nobody": None}
DMARC = ("pass", "fail", "none")
REFERENCES: dict[str, tuple[int, ...]] = {
    "none": (), "mine": (MINE,), "others": (OTHERS,), "both": (OTHERS, MINE),
}  # fmt: skip
THREADS = ("none", "new", "mine", "others", "mine admits", "others admits")


def who(identity: int | None) -> Identity | None:
    """A person's identity."""
    if identity is None:
        return None
    return Identity(
        id=identity, tenant="default", contact=identity, scheme="email", value=f"{identity}@x"
    )


def conversation(identifier: int, *people: int, **more: Any) -> KnownConversation:
    """A conversation of some people."""
    return KnownConversation(
        conversation=Conversation(id=identifier, tenant="default", version=1, **more),
        participants=frozenset(people),
    )


def known(
    references: tuple[int, ...] = (), thread: int | None = None, recent: tuple[RecentText, ...] = (),
    **more: Any,
) -> Known:  # fmt: skip
    """What the store knows: two conversations and where things lead."""
    return Known(
        conversations={MINE: conversation(MINE, ANN, **more), OTHERS: conversation(OTHERS, 9, 8)},
        references={
            bytes([n]): KnownReference(conversation=where, message=where * 10)
            for n, where in enumerate(references)
        },
        thread=None
        if thread is None
        else Thread(id=5, tenant="default", conversation=thread, channel="c", native_id="t"),
        recent=recent,
    )


def named(draft: Draft) -> tuple[Named, ...]:
    """What a draft's tokens name."""
    return tuple(n for t in draft.tokens if (n := RING.verify("default", t)))


def decide(draft: Draft, facts: Known, sender: int | None = ANN, **policy: Any) -> Joined | Apart:
    """Decide as the pipeline does."""
    return match(
        draft,
        facts,
        author=who(sender),
        named=named(draft),
        policy=MatchingPolicy(**policy),
        now=NOW,
    )


def case(
    token: str, dmarc: str, sender: str, refs: str, thread: str, proof: str = "claimed"
) -> Any:
    """One row of the table: the draft, what is known, and who sends."""
    where = {"mine": MINE, "others": OTHERS}.get(thread.split(maxsplit=1)[0])
    draft = Draft(
        text=TEXT,
        proof=proof,  # type: ignore[arg-type]
        author=Address(scheme="email", value="x"),
        tokens=TOKENS[token],
        trust=Trust(dmarc=dmarc),  # type: ignore[arg-type]
        thread=None
        if thread == "none"
        else ThreadRef(native_id="t", admits_sender=thread.endswith("admits")),
    )
    return draft, known(REFERENCES[refs], where), SENDERS[sender]


def test_every_combination_joins_only_with_proof() -> None:
    """Token × DMARC × sender × references × thread: who joins takes part, or the platform let them in."""
    joined = 0
    table = list(itertools.product(TOKENS, DMARC, SENDERS, REFERENCES, THREADS))
    for token, dmarc, sender, refs, thread in table:
        draft, facts, person = case(token, dmarc, sender, refs, thread)
        verdict = decide(draft, facts, person)
        if not isinstance(verdict, Joined):
            continue
        joined += 1
        if thread.endswith("admits"):
            assert (MINE if thread.startswith("mine") else OTHERS) == verdict.conversation
            continue
        row = (token, dmarc, sender, refs, thread)
        assert (MINE, "known") == (verdict.conversation, sender), row
        assert dmarc != "fail", row
        assert token in ("ok", "short") or refs == "mine" or thread == "mine", row
    assert len(table) == 8 * 3 * 4 * 4 * 6
    assert joined > 700


def test_every_honest_combination_joins() -> None:
    """A participant with a token, a reference or their own thread is let in, proven or not."""
    rows = [("ok", "none", "none"), ("short", "none", "none"), ("none", "mine", "none"),
            ("none", "none", "mine"), ("bad", "mine", "none"), ("unknown conversation", "mine", "new")]  # fmt: skip
    for (token, refs, thread), dmarc in itertools.product(rows, ("pass", "none")):
        draft, facts, person = case(token, dmarc, "known", refs, thread)
        assert MINE == decide(draft, facts, person).conversation  # type: ignore[union-attr]


def test_policy_may_ask_for_an_authenticated_sender() -> None:
    """Where the policy asks for it, a claimed address joins by no token and no reference."""
    for token, refs, thread in itertools.product(TOKENS, REFERENCES, ("none", "mine", "others")):
        for proof in ("claimed", "asserted", "proven"):
            draft, facts, person = case(token, "none", "known", refs, thread, proof)
            verdict = decide(draft, facts, person, require_authenticated_sender=True)
            if proof == "claimed":
                assert isinstance(verdict, Apart)
    draft, facts, person = case("ok", "pass", "known", "none", "none", "asserted")
    assert isinstance(decide(draft, facts, person, require_authenticated_sender=True), Joined)


@pytest.mark.parametrize(
    "row", [("ok", "none", "none"), ("none", "mine", "none"), ("none", "none", "mine")]
)
def test_an_address_that_was_verified_has_to_be_verified_again(row: tuple[str, str, str]) -> None:
    """Where senders are verified, nothing of a mail without proof joins in the name of one that had it."""
    token, refs, thread = row
    ann = Identity(
        id=ANN, tenant="default", contact=ANN, scheme="email", value="x", proof="asserted"
    )
    elsewhere = Thread(id=6, tenant="default", conversation=MINE, channel="desk", native_id="d")
    here = Thread(id=7, tenant="default", conversation=MINE, channel="post", native_id="p")
    table = (
        ("claimed", True, (here,), "was not verified here"),
        ("claimed", False, (elsewhere,), "post verifies nobody"),
        ("claimed", False, (elsewhere, here), ""),
        ("asserted", False, (elsewhere,), ""),
        ("proven", True, (here,), ""),
    )
    for proof, unverified, threads, why_not in table:
        draft, facts, _ = case(token, "none", "known", refs, thread, proof)
        draft = msgspec.structs.replace(draft, trust=Trust(unverified=unverified))
        mine = msgspec.structs.replace(facts.conversations[MINE], threads=threads)
        facts = msgspec.structs.replace(facts, conversations={**facts.conversations, MINE: mine})
        verdict = match(
            draft, facts, author=ann, named=named(draft), policy=MatchingPolicy(), now=NOW,
            channel="post",
        )  # fmt: skip
        assert bool(why_not) == isinstance(verdict, Apart), (proof, unverified, verdict)
        assert why_not in verdict.reason
        if isinstance(verdict, Apart):
            assert (MINE, "related") == (verdict.link, verdict.link_kind)
        assert (not why_not and not unverified) == open_to_plugins(draft, ann, mine, "post")


def test_stranger_with_a_lead_is_shown_beside_it() -> None:
    """Who holds a token or reference without taking part is linked, with the reason."""
    for token, refs, thread in (
        ("ok", "none", "none"),
        ("none", "mine", "none"),
        ("none", "none", "mine"),
    ):
        verdict = decide(*case(token, "pass", "stranger", refs, thread))
        assert isinstance(verdict, Apart)
        assert (MINE, "related") == (verdict.link, verdict.link_kind)
        assert "does not take part" in verdict.reason


@given(
    text=st.text(max_size=200), subject=st.text(max_size=80), quoted=st.text(max_size=80),
    sender=st.sampled_from([EVE, BOB, None]), tokens=st.lists(st.text(max_size=50), max_size=3),
    dmarc=st.sampled_from(DMARC), proof=st.sampled_from(["claimed", "asserted", "proven"]),
    recent=st.lists(st.sampled_from([TEXT, "another text that is long enough", ""]), max_size=3),
)  # fmt: skip
def test_no_words_let_a_stranger_in(recent: list[str], sender: int | None, **fields: Any) -> None:
    """Whatever a stranger writes as subject, text, quote or token: it joins nothing."""
    said = tuple(
        RecentText(message=n, conversation=MINE, text=text, received_at=NOW - HOUR)
        for n, text in enumerate([*recent, fields["text"]])
    )
    dmarc = fields.pop("dmarc")
    draft = Draft(**{**fields, "tokens": tuple(fields["tokens"]), "trust": Trust(dmarc=dmarc)})
    assert isinstance(decide(draft, known(recent=said), sender), Apart)


LONG = (
    "The router blinks red since this morning and there is no internet at all. I took the plug out "
    "twice, waited for ten minutes each time, tried another cable and another socket in the wall, "
    "and asked the neighbours, whose line works. Please send somebody before the weekend."
)
CUT = LONG[:74]


def said(text: str = TEXT, ago: float = 1, message: int = 7, where: int = MINE) -> RecentText:
    """What was said some hours ago."""
    return RecentText(
        message=message, conversation=where, text=text, received_at=NOW - int(ago * HOUR)
    )


def again(text: str = TEXT, **fields: Any) -> Draft:
    """What a verified sender says once more."""
    return Draft(**{"text": text, "proof": "asserted", **fields})


def test_repeat_joins_and_names_what_it_repeats() -> None:
    """The same words of the same verified sender are appended as a repeat."""
    verdict = decide(
        again("Where is my order?? I have been waiting since monday!"), known(recent=(said(),))
    )
    assert isinstance(verdict, Joined)
    assert ("repeat", 7, MINE) == (verdict.by, verdict.repeat_of, verdict.conversation)


@pytest.mark.parametrize(
    ("draft", "recent", "why"),
    [
        (again(proof="claimed"), said(), "an address that is only claimed"),
        (again(automated="auto_reply"), said(), "a machine repeats itself"),
        (again(), said(ago=73), "it was said too long ago"),
        (again("help me"), said("help me"), "it is too short to mean anything"),
        (again(), said(where=OTHERS), "that conversation is somebody else's"),
        (again("The lift hangs on the third floor"), said(), "it is something else"),
    ],
)
def test_no_repeat(draft: Draft, recent: RecentText, why: str) -> None:
    """Likeness alone joins nothing."""
    assert isinstance(decide(draft, known(recent=(recent,))), Apart), why


def test_other_order_number_is_only_suggested() -> None:
    """The same words about another order stay apart and are shown beside each other."""
    verdict = decide(
        again("Where is my order 1002? I have been waiting."),
        known(recent=(said("Where is my order 1001? I have been waiting."),)),
    )
    assert isinstance(verdict, Apart)
    assert (MINE, "related") == (verdict.link, verdict.link_kind)
    assert "names other things" in verdict.reason


@pytest.mark.parametrize(("earlier", "later"), [(LONG, CUT), (CUT, LONG)])
def test_a_text_that_was_cut_off_is_only_suggested(earlier: str, later: str) -> None:
    """A text that is part of a longer one is shown beside it; it never joins by that."""
    verdict = decide(again(later), known(recent=(said(earlier),)))
    assert isinstance(verdict, Apart)
    assert (MINE, "related") == (verdict.link, verdict.link_kind)
    assert "as part of something longer" in verdict.reason
    assert (verdict.score or 1) < 0.33
    short = decide(again("the router blinks red"), known(recent=(said(LONG),)))
    assert isinstance(short, Apart)
    assert short.link is None


@pytest.mark.parametrize(("state", "days", "joins"), [
    ("resolved", 13, True), ("closed", 13, True), ("resolved", 15, False), ("closed", 15, False),
    ("open", 400, True), ("waiting", 400, True),
])  # fmt: skip
def test_reopening_ends(state: str, days: int, joins: bool) -> None:
    """What ended over two weeks ago is followed up; what is still open is joined whenever."""
    facts = known((MINE,), state=state, resolved_at=NOW - days * DAY)
    verdict = decide(Draft(text=TEXT), facts)
    assert joins == isinstance(verdict, Joined)
    if isinstance(verdict, Apart):
        assert ("follow_up_of", MINE) == (verdict.link_kind, verdict.link)


def test_same_facts_same_verdict() -> None:
    """The decision is a function of what it is given."""
    for row in itertools.islice(
        itertools.product(TOKENS, DMARC, SENDERS, REFERENCES, THREADS), 0, None, 97
    ):
        assert decide(*case(*row)) == decide(*case(*row))


@pytest.mark.parametrize("sender", SENDERS)
def test_a_code_joins_whoever_has_keyed_it_in(sender: str) -> None:
    """The proof stands for itself: before threads and tokens, whoever the sender is."""
    found = known(thread=OTHERS)
    draft = Draft(text=TEXT, thread=ThreadRef(native_id="t", admits_sender=True))
    verdict = match(
        draft, found, author=who(SENDERS[sender]), named=(), policy=MatchingPolicy(), now=NOW,
        continued=MINE,
    )  # fmt: skip
    assert isinstance(verdict, Joined)
    assert (MINE, "code") == (verdict.conversation, verdict.by)


def test_a_code_of_what_ended_or_is_gone_joins_nothing() -> None:
    """It gives a follow-up, or a conversation of its own."""
    over = known(state="closed", resolved_at=NOW - 15 * DAY)
    draft = Draft(text=TEXT)
    policy = MatchingPolicy()
    ended = match(draft, over, author=who(EVE), named=(), policy=policy, now=NOW, continued=MINE)
    assert isinstance(ended, Apart)
    assert ("follow_up_of", MINE) == (ended.link_kind, ended.link)
    gone = match(draft, over, author=who(EVE), named=(), policy=policy, now=NOW, continued=999)
    assert isinstance(gone, Apart)
    assert None is gone.link
