"""CRC-64/NVME, the digest that S3 keeps of every new object's whole content."""

import base64

# NVM Express NVM Command Set Specification 1.0, 5.2.1.3.4: polynomial 0xAD93D23594C93659,
# reflected; initial value and final XOR all ones; check value of "123456789" 0xAE8B14860A799888.
_REFLECTED_POLYNOMIAL = 0x9A6C9329AC4BC9B5
_ALL_ONES = 0xFFFFFFFFFFFFFFFF


def _table_entry(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (_REFLECTED_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE = tuple(_table_entry(value) for value in range(256))


def crc64nvme(data: bytes) -> str:
    """Return the digest in base64, as in x-amz-checksum-crc64nvme. Slow: for small objects."""
    crc = _ALL_ONES
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return base64.b64encode((crc ^ _ALL_ONES).to_bytes(8, "big")).decode()
