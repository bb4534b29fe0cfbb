"""Frames of a client's WebSocket, in whatever pieces they arrive: each is masked, or the connection ends."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hub.socketio.frame_masks import FrameMasks

MASK = b"\x01\x02\x03\x04"
LENGTHS = st.sampled_from([0, 1, 5, 125, 126, 300, 65_535, 65_536, 70_000])


def frame(length: int, *, masked: bool = True) -> bytes:
    """A text frame of zeros, whose payload is unmasked in content: only its header matters here."""
    bit = 0x80 if masked else 0
    if length < 126:
        header = bytes((0x81, bit | length))
    elif length < 65_536:
        header = bytes((0x81, bit | 126)) + length.to_bytes(2, "big")
    else:
        header = bytes((0x81, bit | 127)) + length.to_bytes(8, "big")
    return header + (MASK if masked else b"") + bytes(length)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    at = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in pairwise(at)]


@given(st.lists(LENGTHS, max_size=6), st.lists(st.integers(0, 500_000), max_size=12))
def test_masked_frames_pass_however_they_are_cut(lengths: list[int], places: list[int]) -> None:
    masks = FrameMasks()
    assert not any(masks.unmasked(piece) for piece in cut(b"".join(map(frame, lengths)), places))


@given(st.lists(LENGTHS, max_size=4), LENGTHS, st.lists(st.integers(0, 500_000), max_size=12))
def test_a_frame_without_a_mask_is_seen_behind_any_others(before: list[int], length: int, places: list[int]) -> None:
    data = b"".join(map(frame, before)) + frame(length, masked=False)
    masks = FrameMasks()
    assert any(masks.unmasked(piece) for piece in cut(data, places))
