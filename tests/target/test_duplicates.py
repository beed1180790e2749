from target_klaviyo.duplicates import Seen, marked


def test_new_repeated_and_contradicting() -> None:
    seen = Seen()
    mark, other = marked(b"key", b"content"), marked(b"key", b"other")
    assert seen.before(mark) is None
    seen.note(mark)
    seen.note(other)
    assert seen.before(mark) is True
    assert seen.before(other) is False


def test_memory_is_bounded() -> None:
    seen = Seen(generation=10)
    marks = [marked(str(number).encode(), b"") for number in range(100)]
    for mark in marks:
        assert seen.before(mark) is None
        seen.note(mark)
    assert seen.before(marks[95]) is True
    assert seen.before(marks[10]) is None
    assert len(seen._current) + len(seen._previous) <= 20
