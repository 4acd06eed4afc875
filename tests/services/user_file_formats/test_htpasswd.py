"""Users as the web server Apache stores them."""

from services.user_import.formats import UserFields
from tests.support.user_file_formats import read_entries, read_errors, read_users, write_rejected

# From `htpasswd` of Apache 2.4: bcrypt, apr1, SHA-1, SHA-512, SHA-256.
SAMPLE = r"""zoé:$2y$05$N1pJXHgxEIrQF0fw/C6zze8dr/mH4OSrfSSWi2XV5/US1oTYfaQTG
smith, john:$apr1$xjJkuEVi$3y3wETetSdjGxbClDIQ1s/
o'brien:{SHA}5PvmLYh7jN7phua+eBID2Nk4u9U=
DOMAIN\x:$6$ybG/0hIq7frF0erg$bYfw9IQ33CVYI9j9ruo/qlYBz4P0IwqAPxbrPlQb7i3xXP5AmqyNGTME6Oie9DSI2lLnfehhVnF9SVP2YLOKf/
MiXeD:$5$Yv19OA24AOF90HmU$h.5Z61kK2Xndh/aHuyjzQLIT4W6ZQfQ/Mo3blLMavB7
"""


def test_output_of_htpasswd_is_read() -> None:
    found = read_users("htpasswd", SAMPLE)
    assert [user.username for user in found] == ["zoé", "smith, john", "o'brien", "DOMAIN\\x", "MiXeD"]
    assert found[2] == UserFields("o'brien", None, "{SHA}5PvmLYh7jN7phua+eBID2Nk4u9U=", (), active=True)


def test_hash_with_colons_is_read() -> None:
    assert read_users("htpasswd", "zoé:pbkdf2:sha256:1$salt$00")[0].password_hash == "pbkdf2:sha256:1$salt$00"


def test_blank_lines_and_comments_are_counted_and_skipped() -> None:
    assert [entry.position for entry in read_entries("htpasswd", "# x:y\r\n\r\nzoé:hash\r\n \t\nplus#:hash")] == [3, 5]


def test_line_without_a_colon_is_invalid() -> None:
    assert read_errors("htpasswd", "zoé\nnext:hash") == [(1, "the line has no colon between a username and a hash")]


def test_rejected_line_is_below_its_reason() -> None:
    content = "# old\r\nzoé : hash \r\nDOMAIN\\x\r\n"
    again = write_rejected("htpasswd", content)
    assert again == "# the reason\nzoé : hash \n# the reason\nDOMAIN\\x\n"
    assert write_rejected("htpasswd", again) == again


def test_fixed_lines_are_read() -> None:
    fixed = write_rejected("htpasswd", "zoé:hash\nDOMAIN\\x").replace("\\x", "\\x:hash")
    assert [user.username for user in read_users("htpasswd", fixed)] == ["zoé", "DOMAIN\\x"]
