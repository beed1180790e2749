"""Random but repeatable values: ids in Klaviyo's forms, names, places, texts."""

from __future__ import annotations

import math
from random import Random

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
HEX_DIGITS = "0123456789abcdef"
FIRST_DIGITS = bytes(ord(digit) for digit in HEX_DIGITS for _ in range(16))
"""The first hexadecimal digit of each byte."""

FIRST_NAMES = ("Ada", "Björn", "Chloé", "Dmitri", "Elif", "Fumiko", "Göran", "Hélène", "Iñigo")
LAST_NAMES = ("Ångström", "Brontë", "Çelik", "Dvořák", "Eriksen", "Ferreira", "Garcia", "Håkansson")
CITIES = (
    ("Boston", "Massachusetts", "United States", "America/New_York", "02108"),
    ("München", "Bayern", "Germany", "Europe/Berlin", "80331"),
    ("São Paulo", "SP", "Brazil", "America/Sao_Paulo", "01310"),
    ("大阪", "Osaka", "Japan", "Asia/Tokyo", "530-0001"),
    ("Łódź", "Łódzkie", "Poland", "Europe/Warsaw", "90-001"),
)
WORDS = [
    "linen",
    "cotton",
    "wool",
    "silk",
    "denim",
    "leather",
    "canvas",
    "velvet",
    "amber",
    "coral",
    "indigo",
    "ivory",
    "olive",
    "slate",
    "harbor",
    "meadow",
    "summit",
    "valley",
    "river",
    "forest",
    "garden",
    "studio",
    "market",
    "anchor",
    "lantern",
    "compass",
]


def text_of(random: Random, letters: str, length: int) -> str:
    """`length` characters out of `letters`."""
    return "".join(random.choices(letters, k=length))


def hex_text(random: Random, length: int) -> str:
    """What `text_of` gives for the sixteen digits, from one draw.

    Of the eight bytes of a random number the fourth has the highest bits: its first half picks.
    """
    drawn = random.getrandbits(64 * length).to_bytes(8 * length, "little")
    return drawn[3::8].translate(FIRST_DIGITS).decode("ascii")


def ulid(random: Random, seconds: float) -> str:
    """A 26-character id that sorts by the time in it, as profiles have."""
    milliseconds = math.floor(seconds * 1000)
    head = ""
    for _ in range(10):
        milliseconds, digit = divmod(milliseconds, len(CROCKFORD))
        head = CROCKFORD[digit] + head
    return head + text_of(random, CROCKFORD, 16)


def event_id(random: Random) -> str:
    """An 11-character id, as events have."""
    return text_of(random, DIGITS[2:], 1) + text_of(random, LETTERS + DIGITS, 10)


def short_id(random: Random) -> str:
    """A 6-character id, as lists, metrics, flows and templates have."""
    return text_of(random, LETTERS, 6)


def uuid_of_time(random: Random, seconds: float) -> str:
    """A version 1 UUID made of the time, as events have."""
    ticks = math.floor(seconds * 10_000_000) + 0x01B21DD213814000
    low, middle, high = ticks & 0xFFFFFFFF, (ticks >> 32) & 0xFFFF, (ticks >> 48) & 0x0FFF
    clock, node = 0x8000 | random.getrandbits(14), random.getrandbits(48)
    return f"{low:08x}-{middle:04x}-{0x1000 | high:04x}-{clock:04x}-{node:012x}"


def words(random: Random, size: int) -> str:
    """About `size` characters of words."""
    count = max(1, size // 7)
    return " ".join(random.choices(WORDS, k=count))
