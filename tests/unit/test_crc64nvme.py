"""The digest, against the check value of its specification."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from sync_core.storage.crc64nvme import crc64nvme


def test_the_check_value_of_the_specification() -> None:
    digest = base64.b64decode(crc64nvme(b"123456789"))
    assert digest.hex() == "ae8b14860a799888"


def test_the_digest_of_nothing_is_zero() -> None:
    assert crc64nvme(b"") == "AAAAAAAAAAA="


@given(st.binary(max_size=200), st.integers(0, 1599))
def test_a_flipped_bit_changes_the_digest(data: bytes, bit: int) -> None:
    if bit < len(data) * 8:
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << (bit % 8)
        assert crc64nvme(bytes(flipped)) != crc64nvme(data)
