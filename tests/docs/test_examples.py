"""The commands of the documentation pages print what the pages show."""

import pytest

from tests.docs.examples import comparable, displayed, examples, outputs, pages


@pytest.mark.parametrize("page", pages())
def test_commands_print_what_the_page_shows(page: str) -> None:
    for example, output in zip(examples(page), outputs(page), strict=True):
        if example.output is not None:
            assert comparable(displayed(output, example.language)) == comparable(example.output), example.commands
