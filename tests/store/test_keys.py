"""The names of things in Redis."""

from __future__ import annotations

from redis.crc import key_slot

from hub.store import DocKey, Keys


def test_all_keys_of_a_branch_live_in_one_slot_of_a_cluster() -> None:
    keys = Keys("centro")
    names = [
        keys.meta,
        keys.counters,
        keys.jobs,
        keys.jobs_channel,
        keys.staff,
        keys.room("kitchen"),
        keys.head("order:A"),
        keys.channel("order:A"),
        keys.doc("order", "A"),
        keys.index("open"),
        keys.command("c:{x}"),
        keys.samples("prep"),
        keys.stop_request("t"),
        keys.session("p"),
        keys.login_tries("pair", "chuy", "203.0.113.7"),
        keys.login_devices("life"),
        keys.login_addresses("life"),
        keys.service_tokens,
        keys.revoked_token("id"),
        keys.inbox("whatsapp"),
        keys.inbox_bytes("whatsapp"),
        keys.inbox_seen("whatsapp", "id"),
    ]
    assert len({key_slot(name.encode()) for name in names}) == 1
    assert len(set(names)) == len(names)
    assert key_slot(names[0].encode()) != key_slot(Keys("norte").meta.encode())


def test_a_document_has_one_name_however_it_is_asked_for() -> None:
    keys = Keys("centro")
    assert keys.document(DocKey("order", "A")) == keys.doc("order", "A") == keys.documents("order") + "A"


def test_a_channel_leads_back_to_its_room() -> None:
    keys = Keys("centro")
    assert keys.room_of(keys.channel("chat:1")) == "chat:1"


def test_no_room_has_the_channel_of_the_workers() -> None:
    keys = Keys("centro")
    assert keys.jobs_channel != keys.channel("turns")


def test_a_dump_of_redis_tells_nobody_a_pid_and_any_text_may_be_one() -> None:
    keys = Keys("centro")
    assert "secret" not in keys.session("secret")
    assert len({keys.session(pid) for pid in ("secret", "Secret", "", "\ud800", "ñ", "x" * 9_999)}) == 6
