from target_klaviyo.duplicates import Seen


def test_new_repeated_and_contradicting() -> None:
    seen = Seen()
    assert seen.before(b"key", b"content") is None
    assert seen.before(b"key", b"content") is True
    assert seen.before(b"key", b"other") is False
    assert seen.before(b"key", b"content") is True


def test_memory_is_bounded() -> None:
    seen = Seen(generation=10)
    for number in range(100):
        assert seen.before(str(number).encode(), b"") is None
    assert seen.before(b"95", b"") is True
    assert seen.before(b"10", b"") is None
    assert len(seen._current) + len(seen._previous) <= 20
