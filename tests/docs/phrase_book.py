"""The words that docs/style.md refuses, each with what to write instead and a sentence that contains it."""

from typing import NamedTuple


class Phrase(NamedTuple):
    """A refused phrase: a pattern (case-insensitive, whole words; a space is any white space) and its replacement."""

    pattern: str
    instead: str
    example: str


PHRASES = [
    # People: the role, not "some person".
    Phrase("(?:no|every|some|any)body(?: else)?", "the role: user, caller, client, administrator", "Nobody is asked."),
    Phrase("no one|(?:some|every|any)one(?: else)?", "the role: user, caller, client", "someone else sends it"),
    Phrase("who(?:so)?(?:m)?ever", "the caller, the client, another process", "Whoever logs in is logged."),
    Phrase("what(?:so)?ever", "name the things: all …, any …", "Whatever is set there wins."),
    Phrase("we|us|ours?|ourselves", "the service, Latchkey, this project's", "none of ours"),
    # Sentences.
    Phrase("(?<!there )(?:is|are|was|were|be) no(?! longer)", "is not an X, invalid", "This is no URL."),
    Phrase(r"as (?:[\w`'./()-]+ ){1,6}has it", "as defined by X, see X", "as RFC 4515 has it"),
    Phrase("says? (?:what|whether|who|whom|whose|why|how|which|where|when)", "return, report, list", "It says why."),
    Phrase("told|tell(?:s|ing)?", "report, list, show, return, distinguish", "The user is told."),
    Phrase("take note", "an imperative: record, store", "Take note of a login."),
    Phrase("lest", "to prevent, so that … not", "lest it be lost"),
    Phrase("anew", "again, from the start", "It starts anew."),
    Phrase("at once", "immediately; concurrently", "Both end at once."),
    Phrase("from time to time", "every time, regularly", "It is read from time to time."),
    Phrase("by commas?|by letters", "comma-separated; in alphabetical order", "the first by letters"),
    Phrase("at (?:its|their|his|her|your) wits' end", "unavailable", "a server at its wits' end"),
    # Words with more than one meaning.
    Phrase(
        "good once|(?:is|are|was|were|be|been|stays?|remains?) (?:not |no longer |still |only |as )?good",
        "valid; single-use; no longer valid",
        "The token was good.",
    ),
    Phrase(
        r"put(?:s|ting)? (?:[\w`'-]+ ){0,2}out|(?:runs?|ran|running) out",
        "disable; expire; unavailable",
        "Put a user out.",
    ),
    Phrase("tend(?:s|ed|ing)?|mend(?:s|ed|ing)?", "manage, edit, fix, repair", "Tend the users."),
    Phrase("(?:goes|go|went|going) on to", "keeps …ing, continues to", "It goes on to work."),
    Phrase("stands?|stood", "is, appears, is listed", "as it stands in the file"),
    # Pictures.
    Phrase("doors?|floors?|rooms?|houses?", "endpoint, layer, module, minimum, space", "Every door has a guard."),
    Phrase("the wire", "HTTP API, wire format, the network", "a test on the wire"),
    # One spelling: American, and email without a hyphen.
    Phrase("e-mails?", "email", "an e-mail address"),
    Phrase(
        r"\w*(?:(?:author|normal|recogn|serial|initial|organ|synchron|custom|optim|summar)is(?:e[sd]?|ing|ations?)"
        r"|colour|behaviour|honour|favour)\w*",
        "American spelling: authorization, color",
        "The behaviour changes.",
    ),
]

# Only at the beginning of a docstring, a message or a help text.
OPENINGS = [Phrase("say", "Return …, Report …", "Say hello.")]

# Quotes that may contain a refused phrase: exactly this text, and why.
JUSTIFIED: dict[str, str] = {
    "us-ascii": "the name of a character set",
    "www-data": "the name of a system user",
}
