"""Tokens: whom they open what for, and that nobody can make one."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.config.secret_key import PreviousSecret
from hub.core.errors import Unauthorized
from hub.domain.roles import Kind, Principal, Role
from hub.services.auth.tokens import Tokens, TokenUse
from tests.support.services_harness import MANAGER, RIDER, SECRET, START

TOKENS = Tokens(SECRET, "centro")
OTHERS = [Tokens(b"another secret of sixteen bytes", "centro"), Tokens(SECRET, "norte")]
SHIFT = timedelta(hours=12)


@pytest.mark.parametrize(
    "who",
    [
        MANAGER,
        RIDER,
        Principal(kind=Kind.SERVICE, id="token:simulator", name="simulator", roles=frozenset({Role.SERVICE})),
        Principal(kind=Kind.STAFF, id="x", name="Ñandú 🌮", roles=frozenset({Role.KITCHEN, Role.COURIER})),
    ],
    ids=lambda who: who.id,
)
def test_a_staff_token_says_who_it_was_given_to(who: Principal) -> None:
    assert TOKENS.read(TOKENS.issue(who, START, SHIFT), START) == who


def test_a_staff_token_lasts_as_long_as_it_was_given_for() -> None:
    token = TOKENS.issue(MANAGER, START, SHIFT)
    assert TOKENS.read(token, START + SHIFT - timedelta(seconds=2)) == MANAGER
    with pytest.raises(Unauthorized, match="expired"):
        TOKENS.read(token, START + SHIFT)


def test_a_token_of_one_use_is_no_token_for_another() -> None:
    for use, other in ((TokenUse.EVERYTHING, TokenUse.POSITIONS), (TokenUse.POSITIONS, TokenUse.EVERYTHING)):
        token = TOKENS.issue(RIDER, START, SHIFT, use)
        assert TOKENS.read(token, START, use) == RIDER
        with pytest.raises(Unauthorized):
            TOKENS.read(token, START, other)


def test_a_token_of_a_phone_is_good_for_ninety_days_at_the_most() -> None:
    token = TOKENS.issue(RIDER, START, timedelta(days=400), TokenUse.POSITIONS)
    with pytest.raises(Unauthorized, match="expired"):
        TOKENS.read(token, START + timedelta(days=90), TokenUse.POSITIONS)


@pytest.mark.parametrize("other", OTHERS, ids=["another secret", "another branch"])
def test_a_token_of_another_hub_or_branch_opens_nothing(other: Tokens) -> None:
    with pytest.raises(Unauthorized):
        TOKENS.read(other.issue(MANAGER, START, SHIFT), START)
    assert TOKENS.order_of(other.for_order("PED1")) is None
    assert TOKENS.chat_of(other.for_chat("c1")) is None


def _forged(token: str, **claims: object) -> str:
    """The same token with other claims under the old signature."""
    head, body, mac = token.split(".")
    raw = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) | claims
    return ".".join((head, base64.urlsafe_b64encode(json.dumps(raw).encode()).decode().rstrip("="), mac))


def _unsigned(**claims: object) -> str:
    full = {"sub": "x", "name": "X", "kind": "staff", "roles": ["manager"], "aud": "centro", "exp": 9_999_999_999}
    return jwt.encode(full | claims, "", algorithm="none")


@pytest.mark.parametrize(
    "token",
    [
        _forged(TOKENS.issue(RIDER, START, SHIFT), roles=["manager"]),
        _forged(TOKENS.issue(RIDER, START - 2 * SHIFT, SHIFT), exp=9_999_999_999),
        _unsigned(),
        # Signed with the secret itself, not with the key made from it.
        jwt.encode({"sub": "x", "exp": 9_999_999_999, "aud": "centro"}, SECRET, algorithm="HS256"),
        TOKENS.issue(MANAGER, START, SHIFT)[:-2],
        TOKENS.for_order("PED1"),
        "a.b.c",
        "..",
        "",
        "é.ü.ñ",
        "\udcff.\udcff.\udcff",
    ],
)
def test_a_forged_staff_token_is_nobodys(token: str) -> None:
    with pytest.raises(Unauthorized):
        TOKENS.read(token, START)


@pytest.mark.parametrize(
    "claims",
    [
        {"roles": 7},
        {"kind": "root"},
        {"exp": "never"},
        {"name": None, "roles": None},
        {"aud": ["norte"]},
        {"sub": 7},
    ],
)
def test_a_token_of_ours_that_makes_no_sense_is_nobodys(claims: dict[str, object]) -> None:
    good = {"sub": "x", "name": "X", "kind": "staff", "roles": [], "aud": "centro", "exp": 9_999_999_999}
    token = jwt.encode(good | claims, TOKENS._keys.jwt, algorithm="HS256")
    with pytest.raises(Unauthorized):
        TOKENS.read(token, START)


def test_a_capability_opens_the_one_thing_it_was_made_for() -> None:
    assert TOKENS.order_of(TOKENS.for_order("PED7K3Q9X")) == "PED7K3Q9X"
    assert TOKENS.chat_of(TOKENS.for_chat("c1")) == "c1"


def test_a_token_of_one_kind_never_passes_for_another() -> None:
    assert TOKENS.order_of(TOKENS.for_chat("same")) is None
    assert TOKENS.chat_of(TOKENS.for_order("same")) is None
    assert TOKENS.order_of(TOKENS.issue(MANAGER, START, SHIFT)) is None


def test_the_mac_of_one_order_is_no_good_for_another() -> None:
    _, _, mac = TOKENS.for_order("PED1").partition(".")
    assert TOKENS.order_of(f"PED2.{mac}") is None


@pytest.mark.parametrize(
    "token", ["", ".", "PED1", "PED1.", ".PED1", "PED1." + "A" * 22, "PED1.é", "\udcff.x", "PED1.\x00", "x" * 100_000]
)
def test_a_capability_of_another_shape_opens_nothing(token: str) -> None:
    assert TOKENS.order_of(token) is None
    assert TOKENS.chat_of(token) is None


@settings(deadline=None)
@given(token=st.text(), cut=st.integers(1, 21))
def test_no_text_opens_anything_and_no_part_of_a_token_does(token: str, cut: int) -> None:
    assert TOKENS.order_of(token) is None
    whole = TOKENS.for_order("PED1")
    assert TOKENS.order_of(whole[:-cut]) is None
    assert TOKENS.order_of(whole + token) == (None if token else "PED1")


def test_a_role_that_only_a_newer_hub_knows_gives_no_rights() -> None:
    claims = {
        "sub": "x",
        "name": "X",
        "kind": "staff",
        "roles": ["owner", "kitchen"],
        "aud": "centro",
        "life": "1",
        "exp": 9_999_999_999,
    }
    principal = TOKENS.read(jwt.encode(claims, TOKENS._keys.jwt, algorithm="HS256"), START)
    assert principal.roles == {Role.KITCHEN}


# Another secret


OLD = b"the secret that was used before"
WEEK = timedelta(days=7)
FAR = timedelta(days=60)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def rotated(clock: Clock) -> Tokens:
    """Tokens of a hub whose secret was replaced, or will be, an hour after START."""
    previous = PreviousSecret(OLD, START + timedelta(hours=1), START + WEEK)
    return Tokens(SECRET, "centro", previous=previous, clock=clock)


def test_tokens_of_the_previous_secret_are_accepted_for_a_while_and_then_refused() -> None:
    clock = Clock()
    before, now = Tokens(OLD, "centro"), rotated(clock)
    login, link, chat = before.issue(MANAGER, START, FAR), before.for_order("PED1"), before.for_chat("c1")
    clock.now = START + WEEK - timedelta(seconds=1)
    assert now.read(login, clock.now) == MANAGER
    assert (now.order_of(link), now.chat_of(link), now.chat_of(chat)) == ("PED1", None, "c1")
    clock.now = START + WEEK
    assert (now.order_of(link), now.chat_of(chat)) == (None, None)
    with pytest.raises(Unauthorized, match="expired"):
        now.read(login, clock.now)


def test_a_login_of_the_previous_secret_ends_with_it_also_on_a_connection_that_is_open() -> None:
    login = Tokens(OLD, "centro").issue(MANAGER, START, FAR)
    assert rotated(Clock()).read(login, START).until == (START + WEEK).timestamp()


def test_the_new_secret_signs_from_its_time_on_and_is_understood_before() -> None:
    clock = Clock()
    hub, old, new = rotated(clock), Tokens(OLD, "centro"), Tokens(SECRET, "centro")
    assert old.order_of(hub.for_order("PED1")) == "PED1"
    assert old.read(hub.issue(MANAGER, clock.now, SHIFT), START) == MANAGER
    assert hub.order_of(new.for_order("PED1")) == "PED1"
    assert hub.read(new.issue(MANAGER, START, SHIFT), START) == MANAGER
    clock.now = START + timedelta(hours=1)
    assert new.order_of(hub.for_order("PED1")) == "PED1"
    assert new.read(hub.issue(MANAGER, clock.now, SHIFT), clock.now) == MANAGER


def test_a_third_secret_opens_nothing() -> None:
    stranger = Tokens(b"neither the one nor the other", "centro")
    hub = rotated(Clock())
    assert hub.order_of(stranger.for_order("PED1")) is None
    with pytest.raises(Unauthorized):
        hub.read(stranger.issue(MANAGER, START, SHIFT), START)
