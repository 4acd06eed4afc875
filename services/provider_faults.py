"""Mistakes of providers: exceptions and answers that their interface does not allow."""

import click


class InvalidAnswer(TypeError):
    """A provider has returned what its interface does not allow.

    The text is the predicate of a sentence about the provider, and contains no value that the provider has returned.
    """


class ProviderFault(click.ClickException):
    """A provider has made a mistake, which its author has to correct.

    A click exception, so that a command prints it as a message and not as a traceback.
    """

    exit_code = 2
    remedy = "Report this to the author of the provider"

    def __init__(self, found: str, provider: str | None = None, detail: str = "") -> None:
        """`found` is the predicate of a sentence about the provider. `detail` is only for the log.

        A fault is raised without a provider, whose name the chain adds.
        """
        super().__init__(f"{provider or 'the provider'} {found}. {self.remedy}.")
        self.found = found
        self.provider = provider
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.provider or 'the provider'} {self.found}{self.detail and f'; {self.detail}'}"
