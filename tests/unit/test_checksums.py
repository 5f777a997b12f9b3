"""The digest of S3, against the check value of its specification, and of wholes made of pieces."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from sync_core.checksums import Crc64Nvme, crc64nvme, joined

NOTHING = "AAAAAAAAAAA="

pieces = st.lists(st.binary(max_size=300), max_size=8)


def test_the_check_value_of_the_specification() -> None:
    assert base64.b64decode(crc64nvme(b"123456789")).hex() == "ae8b14860a799888"


def test_the_digest_of_nothing_is_zero() -> None:
    assert crc64nvme(b"") == Crc64Nvme().text() == joined([]) == NOTHING


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_flipped_bit_changes_the_digest(data: bytes, draw: st.DataObject) -> None:
    bit = draw.draw(st.integers(0, len(data) * 8 - 1))
    flipped = bytearray(data)
    flipped[bit // 8] ^= 1 << (bit % 8)
    assert crc64nvme(bytes(flipped)) != crc64nvme(data)


@given(pieces)
def test_a_digest_grows_with_what_it_is_fed(fed: list[bytes]) -> None:
    growing = Crc64Nvme()
    for index, piece in enumerate(fed, start=1):
        growing.update(piece)
        assert growing.text() == crc64nvme(b"".join(fed[:index]))
    assert base64.b64encode(growing.digest()).decode() == growing.text()


@given(pieces)
def test_the_whole_of_any_pieces_has_their_joined_digest(split: list[bytes]) -> None:
    digests = [(crc64nvme(piece), len(piece)) for piece in split]
    assert joined(digests) == crc64nvme(b"".join(split))


@given(st.binary(min_size=1), st.binary(min_size=1))
def test_the_order_of_the_pieces_counts(one: bytes, other: bytes) -> None:
    digests = [(crc64nvme(piece), len(piece)) for piece in (one, other)]
    swapped = joined(reversed(digests))
    assert (swapped == joined(digests)) == (one + other == other + one)


def test_digests_of_pieces_that_no_memory_holds_are_joined() -> None:
    tib = 1024**4
    one, other = crc64nvme(b"one"), crc64nvme(b"other")
    pairwise = joined([(joined([(one, tib), (other, tib)]), 2 * tib), (one, tib)])
    assert joined([(one, tib), (other, tib), (one, tib)]) == pairwise
