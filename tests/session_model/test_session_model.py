"""Random actions on sessions, users, keys and the clock have the effects that the model predicts."""

import gc
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import mkdtemp

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from hypothesis.strategies import booleans, builds, sampled_from

from tests.session_model.actions import ACTIONS, Actions, Choice
from tests.session_model.runner import USERS
from tests.session_model.system import REPLICAS
from tests.support import login_clients
from tests.support.stores import user_table

EXAMPLES, STEPS = 30, 40

choices = builds(
    Choice,
    sampled_from(USERS),
    sampled_from(login_clients.CLIENTS),
    sampled_from(REPLICAS),
    sampled_from(range(60)),
    booleans(),
)


class SessionMachine(RuleBasedStateMachine):
    """Lets Hypothesis choose the actions."""

    environ: Mapping[str, str]
    directory: Path

    def __init__(self) -> None:
        super().__init__()
        self.actions = Actions(self.environ, Path(mkdtemp(dir=self.directory)))

    @initialize()
    def log_in_all_users(self) -> None:
        for user in USERS:
            for client_id in login_clients.CLIENTS:
                self.actions.log_in(Choice(user, client_id, 0, 0, flag=True))

    # A single rule, because Hypothesis disables some of several rules in each run, and the mixture is the point.
    @rule(action=sampled_from(ACTIONS), choice=choices)
    def act(self, action: Callable[[Actions, Choice], None], choice: Choice) -> None:
        action(self.actions, choice)

    @invariant()
    def system_matches_model(self) -> None:
        self.actions.compare()

    def teardown(self) -> None:
        try:
            self.actions.compare_at_the_end()
        finally:
            self.actions.system.close()
            gc.collect()  # ends the threads of the applications


def test_system_matches_model_after_random_actions(migrated_database: str, tmp_path: Path) -> None:
    class OnThisDatabase(SessionMachine):
        environ = user_table(migrated_database, [])
        directory = tmp_path

    chosen = settings(derandomize=True, max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None)
    run_state_machine_as_test(OnThisDatabase, settings=chosen)
