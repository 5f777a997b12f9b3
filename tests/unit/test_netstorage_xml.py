"""The answers of NetStorage, as Akamai's pages show them."""

import pytest

from sync_core.storage.netstorage_xml import Entry, entries_of, page_of

MD5 = "0123456789ABCDEF0123456789ABCDEF"


def test_a_stat_or_dir_shows_files_directories_and_links() -> None:
    answer = f"""<?xml version="1.0" encoding="ISO-8859-1"?>
<stat directory="/123456/sampledir">
  <file type="file" name="File2" size="398421" md5="{MD5}" mtime="1524068379"/>
  <file type="symlink" name="My_symlink.html" target="File1" mtime="1524110333"/>
  <file type="dir" name="dir1" bytes="19873716" files="6" mtime="1524068415" implicit="true"/>
</stat>"""
    assert entries_of(answer.encode()) == [
        Entry("file", "File2", 398421, MD5.lower(), 1524068379),
        Entry("symlink", "My_symlink.html", 0, "", 1524110333),
        Entry("dir", "dir1", 0, "", 1524068415),
    ]


def test_a_list_shows_whole_names_and_where_it_goes_on() -> None:
    answer = f"""<list>
  <file type="file" name="123456/a &amp; &quot;b&quot;" size="0" md5="{MD5}" mtime="7"/>
  <resume start="/123456/dir1/é"/>
</list>"""
    page = page_of(answer.encode())
    assert [entry.name for entry in page.entries] == ['123456/a & "b"']
    assert page.resume == "/123456/dir1/é"
    assert page_of(b"<list/>").resume is None


def test_names_that_xml_cannot_carry_come_in_base64() -> None:
    answer = b"""<list>
  <file type="file" name_base64="MTIzNDU2L2EBYg==" size="1" md5="" mtime="7"/>
  <file type="file" name_base64="MTIzNDU2L/8=" size="1" md5="" mtime="7"/>
  <resume start_base64="LzEyMzQ1Ni9hAWM="/>
</list>"""
    page = page_of(answer)
    assert [entry.name for entry in page.entries] == ["123456/a\x01b", "123456/\udcff"]
    assert page.resume == "/123456/a\x01c"


def test_the_encoding_that_the_answer_names_is_heeded() -> None:
    text = '<?xml version="1.0" encoding="ISO-8859-1"?><list><file type="file" name="1/é"/></list>'
    assert page_of(text.encode("latin-1")).entries[0].name == "1/é"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html><body>Welcome</body></html>",
        b"<list><file",
        b'<list><file type="file"/></list>',
        b'<list><file type="file" name_base64="!"/></list>',
        b'<list><file type="file" name="1/a" size="many"/></list>',
    ],
)
def test_any_other_text_is_refused(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        page_of(answer)
