"""Pages of a listing: every key as it is, whichever parser reads the page."""

from dataclasses import dataclass
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model import ListedObject
from sync_core.storage.s3_listing import parse_page, read_by_pattern, read_by_tree

MD5 = "d41d8cd98f00b204e9800998ecf8427e"
SHOWN = "2026-11-21T10:15:00.000Z"
MODIFIED = "2026-11-21T10:15:00"
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
ONE = ListedObject("k", MD5, 7, MODIFIED)


def field(name: str, text: str) -> str:
    return f"<{name}>{text}</{name}>"


KEY, SIZE = field("Key", "k"), field("Size", "7")
ETAG, TIME = field("ETag", f"&quot;{MD5}&quot;"), field("LastModified", SHOWN)
ENTRY = field("Contents", KEY + TIME + ETAG + SIZE)
LAST = field("IsTruncated", "false")


def page(*parts: str, head: str = field("EncodingType", "url") + LAST) -> bytes:
    return (
        f'<ListBucketResult xmlns="{NAMESPACE}">{head}{"".join(parts)}</ListBucketResult>'.encode()
    )


def read(body: bytes) -> tuple[list[ListedObject], str | None] | None:
    """Return a page's entries and its token."""
    found = parse_page(body)
    return None if found is None else (list(found), found.next_token)


def only(body: bytes) -> ListedObject:
    """Return the one entry of a page that is the last one."""
    found = parse_page(body)
    assert found is not None
    assert found.next_token is None
    (entry,) = found
    return entry


AWS_ENTRY = field(
    "Contents",
    KEY
    + TIME
    + ETAG
    + "<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
    + SIZE
    + "<Owner><ID>1a2b</ID><DisplayName>ann</DisplayName></Owner>"
    + "<StorageClass>GLACIER</StorageClass>",
)
OSS_ENTRY = field(
    "Contents",
    KEY + TIME + field("ETag", f'"{MD5}"') + field("Type", "Normal") + SIZE + "<Owner></Owner>",
)


@pytest.mark.parametrize("entry", [ENTRY, AWS_ENTRY, OSS_ENTRY])
def test_usual_pages_are_read_by_the_pattern(entry: str) -> None:
    body = b'<?xml version="1.0" encoding="UTF-8"?>\n' + page(entry)
    assert read_by_pattern(body) == read_by_tree(body)
    assert only(body) == ONE


UNUSUAL = {
    "another order": field("Contents", SIZE + ETAG + KEY + TIME),
    "white space": f"\n  <Contents>\n {KEY}\n {TIME}\n {ETAG}\n {SIZE}\n </Contents>\n",
    "an unknown field": field("Contents", KEY + TIME + ETAG + SIZE + "<New><Deep/></New>"),
    "an archived object": field(
        "Contents",
        KEY + TIME + ETAG + SIZE + "<RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress>"
        "</RestoreStatus>",
    ),
    "a self-closing field": field("Contents", KEY + TIME + ETAG + SIZE + "<Owner/>"),
    "an attribute": f'<Contents a="b">{KEY}{TIME}{ETAG}{SIZE}</Contents>',
    "a prefix": f'<s:Contents xmlns:s="{NAMESPACE}">{KEY}{TIME}{ETAG}{SIZE}</s:Contents>',
    "a key in CDATA": field("Contents", "<Key><![CDATA[k]]></Key>" + TIME + ETAG + SIZE),
    "an entity in the key": field("Contents", "<Key>&#107;</Key>" + TIME + ETAG + SIZE),
    "a zone": field(
        "Contents", KEY + field("LastModified", "2026-11-21T18:15:00.9+08:00") + ETAG + SIZE
    ),
    "a date as in mail": field(
        "Contents", KEY + field("LastModified", "Sat, 21 Nov 2026 10:15:00 GMT") + ETAG + SIZE
    ),
    "a comment in the entry": field("Contents", KEY + "<!-- -->" + TIME + ETAG + SIZE),
    "a comment that holds an entry": f"<!--{ENTRY.replace('>k<', '>x<')}-->{ENTRY}",
    "an entry of something else": f"<Other>{ENTRY.replace('>k<', '>x<')}</Other>{ENTRY}",
    "an entry and something else": f"{ENTRY}<Other>{ENTRY.replace('>k<', '>x<')}</Other>",
    "an owner beyond ASCII": field(
        "Contents", KEY + TIME + ETAG + SIZE + "<Owner><DisplayName>é</DisplayName></Owner>"
    ),
}


@pytest.mark.parametrize("entries", UNUSUAL.values(), ids=UNUSUAL)
def test_what_the_pattern_does_not_know_is_read_by_the_tree(entries: str) -> None:
    body = page(entries)
    assert read_by_pattern(body) is None
    assert only(body) == ONE


def test_an_unusual_entry_before_usual_ones_is_not_passed_over() -> None:
    unusual = ENTRY.replace("<Contents>", "<Contents a='b'>")
    usual = ENTRY.replace(">k<", ">l<")
    assert read(page(unusual, usual)) == ([ONE, ONE._replace(key="l")], None)


WITHIN_SOMETHING = {
    "a comment": f"<!--{ENTRY}-->",
    "CDATA": f"<Other><![CDATA[{ENTRY}]]></Other>",
    "an element": f"<Other>{ENTRY}</Other>",
    "an instruction": f"<?other {ENTRY}?>",
}


@pytest.mark.parametrize("text", WITHIN_SOMETHING.values(), ids=WITHIN_SOMETHING)
def test_what_only_looks_like_an_entry_is_none(text: str) -> None:
    assert read(page(text)) == ([], None)


def test_a_page_without_a_namespace_is_read_too() -> None:
    assert only(page(ENTRY).replace(f' xmlns="{NAMESPACE}"'.encode(), b"")) == ONE


def test_a_page_in_another_encoding_is_read_too() -> None:
    text = page(ENTRY).decode()
    assert only(b'<?xml version="1.0" encoding="ISO-8859-1"?>' + text.encode()) == ONE
    assert only(text.encode("utf-16")) == ONE


@pytest.mark.parametrize(
    ("shown", "key"),
    [
        ("a+b", "a b"),
        ("a%2Bb", "a+b"),
        ("a%20b", "a b"),
        ("100%25", "100%"),
        ("%252B", "%2B"),
        ("a%26amp%3Bb", "a&amp;b"),
        ("%3CKey%3E", "<Key>"),
        ("%01%0D%0A", "\x01\r\n"),
        ("%E6%97%A5%F0%9F%98%80", "日\U0001f600"),
        ("%e6%97%a5", "日"),
        ("./a//b/../", "./a//b/../"),
        ("a=b=3D", "a=b=3D"),
        ("100%", "100%"),
        ("%zz%3D", "%zz="),
        ("%%41", "%A"),
        ("%2%35", "%25"),
    ],
)
def test_an_encoded_key_is_decoded_once(shown: str, key: str) -> None:
    assert only(page(ENTRY.replace(">k<", f">{shown}<"))).key == key


@pytest.mark.parametrize(
    "head", [LAST, LAST + "<EncodingType/>", LAST + "<EncodingType>no</EncodingType>"]
)
def test_a_key_that_is_not_said_to_be_encoded_is_left_alone(head: str) -> None:
    assert only(page(ENTRY.replace(">k<", ">a+b%20c &amp; é<"), head=head)).key == "a+b%20c & é"
    assert only(page(ENTRY.replace(">k<", ">a+b%20c<"), head=head)).key == "a+b%20c"


@pytest.mark.parametrize("etag", ["e", '"e"', "&quot;e&quot;", "&#34;e&#34;", "&#x22;e&#x22;"])
def test_etags_lose_their_quotes(etag: str) -> None:
    assert only(page(ENTRY.replace(f"&quot;{MD5}&quot;", etag))).etag == "e"


@pytest.mark.parametrize("shown", ["10:15:00Z", "10:15:00.9Z", "10:15:00.999999Z"])
def test_fractions_of_a_second_are_cut_off(shown: str) -> None:
    entry = only(page(ENTRY.replace(SHOWN, f"2026-11-21T{shown}")))
    assert entry.modified == MODIFIED


def test_a_cut_off_listing_says_how_to_continue_it() -> None:
    head = (
        "<IsTruncated>true</IsTruncated><NextContinuationToken>a+%20&amp;=</NextContinuationToken>"
    )
    assert read(page(ENTRY, head=head)) == ([ONE], "a+%20&=")


def test_an_empty_listing_has_no_entries() -> None:
    assert read(page()) == ([], None)
    bare = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
    assert read(bare) == ([], None)


NO_LISTINGS = {
    "nothing": b"",
    "an error": b"<Error><Code>SlowDown</Code></Error>",
    "a web page": b"<html><body>Not here</body></html>",
    "no end": page(ENTRY)[:-9],
    "no entry ends": b"<ListBucketResult><Contents>",
    "the end of an entry is missing": page(ENTRY[:-3]),
    "not said whether it goes on": page(ENTRY, head=""),
    "goes on, and not said how": page(ENTRY, head=field("IsTruncated", "true")),
    "no key": page(field("Contents", TIME + ETAG + SIZE)),
    "no etag": page(field("Contents", KEY + TIME + SIZE)),
    "no size": page(field("Contents", KEY + TIME + ETAG)),
    "no time": page(field("Contents", KEY + ETAG + SIZE)),
    "one bad entry of two": page(ENTRY, field("Contents", KEY)),
    "no number": page(ENTRY.replace(">7<", ">x<")),
    "no instant": page(ENTRY.replace(SHOWN, "yesterday")),
    "a key that is no UTF-8": page(ENTRY.replace(">k<", ">%FF<")),
    "a control character": page(ENTRY.replace(">k<", ">\x01<")),
}


@pytest.mark.parametrize("body", NO_LISTINGS.values(), ids=NO_LISTINGS)
def test_what_is_no_listing_is_not_guessed_at(body: bytes) -> None:
    assert parse_page(body) is None


@dataclass(frozen=True)
class Style:
    """How a store writes its pages."""

    quotes_with: str
    owner: str
    break_: str
    safe: str
    encodes: bool = True

    def page(self, entries: list[ListedObject]) -> bytes:
        encoding = field("EncodingType", "url") if self.encodes else ""
        return page(self.break_.join(map(self.entry, entries)), head=encoding + LAST)

    def entry(self, entry: ListedObject) -> str:
        quote_key = quote if self.safe == "/" else quote_plus
        key = quote_key(entry.key, safe=self.safe) if self.encodes else escape(entry.key)
        etag = f"{self.quotes_with}{escape(entry.etag)}{self.quotes_with}"
        return field(
            "Contents",
            field("Key", key)
            + field("LastModified", f"{entry.modified}.000Z")
            + field("ETag", etag)
            + field("Size", str(entry.size_bytes))
            + self.owner,
        )


styles = st.builds(
    Style,
    quotes_with=st.sampled_from(["", '"', "&quot;", "&#34;"]),
    owner=st.sampled_from(["", "<Owner><ID>1</ID></Owner>", "<StorageClass>X</StorageClass>"]),
    break_=st.sampled_from(["", "\n  "]),
    safe=st.sampled_from(["", "/"]),
)
texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
printable = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="\ufffe\uffff"),
    min_size=1,
    max_size=12,
)


def listings(keys: st.SearchStrategy[str]) -> st.SearchStrategy[list[ListedObject]]:
    etags = st.just(MD5) | printable.filter(lambda etag: '"' not in etag)
    times = (
        st.datetimes().filter(lambda at: at.year >= 1000).map(lambda at: f"{at:%Y-%m-%dT%H:%M:%S}")
    )
    entries = st.builds(
        ListedObject, key=keys, etag=etags, size_bytes=st.integers(0, 2**60), modified=times
    )
    return st.lists(entries, max_size=4)


@given(styles, listings(texts | st.text("+% &<>;#/a", min_size=1, max_size=8)))
def test_any_encoded_key_comes_back_as_it_was(style: Style, entries: list[ListedObject]) -> None:
    assert read(style.page(entries)) == (entries, None)


@given(listings(printable))
def test_any_key_that_xml_can_carry_comes_back_unencoded(entries: list[ListedObject]) -> None:
    style = Style(encodes=False, quotes_with='"', owner="", break_="", safe="")
    assert read(style.page(entries)) == (entries, None)


@given(styles, listings(texts))
def test_both_parsers_agree(style: Style, entries: list[ListedObject]) -> None:
    body = style.page(entries)
    assert read_by_pattern(body) in (None, read_by_tree(body))


@given(st.data())
def test_a_damaged_page_is_never_read_otherwise_by_the_pattern(data: st.DataObject) -> None:
    body = bytearray(page(ENTRY, AWS_ENTRY.replace(">k<", ">l<")))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(start, min(len(body), start + 40)))
        body[start:end] = data.draw(
            st.sampled_from([b"", b"<", b">", b"&", b"<!--", b"-->", b"<Contents>", b"</Contents>"])
        )
    try:
        by_pattern = read_by_pattern(bytes(body))
    except (SyntaxError, LookupError, ValueError):
        by_pattern = None
    if by_pattern is not None:
        assert by_pattern == read_by_tree(bytes(body))
