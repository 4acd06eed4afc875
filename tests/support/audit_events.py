"""The audit events that an application in this process has written."""

from typing import Any

import pytest

from audit.events import EVENT_ATTRIBUTE


def events_in(caplog: pytest.LogCaptureFixture, *names: str) -> list[dict[str, Any]]:
    """Return the members of each event, in order: of all events, or of those with these names."""
    events = [getattr(record, EVENT_ATTRIBUTE, None) for record in caplog.records]
    return [event for event in events if event and (not names or event["event"] in names)]
