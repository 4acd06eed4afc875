"""Logins, refreshes, reuse, ends of every kind, keys and clocks in any order, against a model of what must hold."""

import gc
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import mkdtemp

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from hypothesis.strategies import booleans, builds, sampled_from

from tests.session_model.actions import ACTS, Acts, Choice
from tests.session_model.runner import CROWD
from tests.session_model.system import BOTH
from tests.support import login_clients
from tests.support.stores import user_table

EXAMPLES, STEPS = 30, 40

choices = builds(
    Choice,
    sampled_from(CROWD),
    sampled_from(login_clients.CLIENTS),
    sampled_from(BOTH),
    sampled_from(range(60)),
    booleans(),
)


class SessionMachine(RuleBasedStateMachine):
    """Lets Hypothesis choose what happens."""

    environ: Mapping[str, str]
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.acts = Acts(self.environ, Path(mkdtemp(dir=self.folder)))

    @initialize(patience=sampled_from((1, 0, 0, 0)))
    def everybody_logs_in(self, patience: int) -> None:
        self.acts.patience = patience
        for person in CROWD:
            for client in login_clients.CLIENTS:
                self.acts.log_in(Choice(person, client, 0, 0, yes=True))

    # One rule: of several, Hypothesis leaves some out in each run, and it is their mixture that counts.
    @rule(act=sampled_from(ACTS), choice=choices)
    def something_happens(self, act: Callable[[Acts, Choice], None], choice: Choice) -> None:
        act(self.acts, choice)

    @invariant()
    def every_token_answers_as_it_must(self) -> None:
        self.acts.compare()

    def teardown(self) -> None:
        try:
            self.acts.compare_at_the_end()
        finally:
            self.acts.world.close()
            gc.collect()  # applications have threads that end with them


def test_whatever_happens_in_whatever_order_tokens_answer_as_they_must(empty_database: str, tmp_path: Path) -> None:
    class OnThisDatabase(SessionMachine):
        environ = user_table(empty_database, [])
        folder = tmp_path

    chosen = settings(derandomize=True, max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None)
    run_state_machine_as_test(OnThisDatabase, settings=chosen)
