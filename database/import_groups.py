"""The groups of an import: their members get roles with the names of the groups."""

from collections.abc import Sequence

from sqlalchemy import Boolean, Column, ColumnElement, Connection, Integer, Text, and_, exists, func, insert, select

from database.import_tables import candidates, granted_roles, load_rows, not_excluded, temporary_table
from database.tables import roles, user_roles, users
from database.user_roles import ensure_roles

memberships = temporary_table(
    "memberships",
    Column("member", Text, nullable=False),
    Column("is_dn", Boolean, nullable=False),
    Column("role", Text, nullable=False),
)
entry_names = temporary_table(
    "entry_names",
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
)
group_roles = temporary_table(
    "group_roles",
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("role", Text, primary_key=True),
)

_of_username = and_(~memberships.c.is_dn, memberships.c.member == candidates.c.username_folded)
_of_entry = and_(memberships.c.is_dn, memberships.c.member == entry_names.c.name)


class GroupImport:
    """The groups of one import. Not thread-safe."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.unresolved = 0
        """How many memberships are of other entries than the users in the file, such as groups in groups."""

    def stage(self, members: Sequence[tuple[str, bool, str]], entries: Sequence[tuple[int, str]]) -> None:
        """Store memberships (member, whether it is a DN, role), and the DNs of users (position, DN)."""
        for table, rows in ((memberships, members), (entry_names, entries)):
            if rows:
                load_rows(self._connection, table, rows)

    def resolve(self) -> None:
        """Find the users of the memberships."""
        if not self._connection.scalar(select(exists(select(memberships.c.role)))):
            return
        self._connection.exec_driver_sql("CREATE INDEX entry_names_name ON entry_names (name)")
        by_username = select(candidates.c.position, memberships.c.role).join(memberships, _of_username)
        by_entry = select(entry_names.c.position, memberships.c.role).join(memberships, _of_entry)
        found = by_username.union(by_entry)
        self._connection.execute(insert(group_roles).from_select(["position", "role"], found))
        unresolved = select(func.count()).select_from(memberships)
        unresolved = unresolved.where(~exists().where(_of_username), ~exists().where(_of_entry))
        self.unresolved = self._connection.scalar(unresolved) or 0

    def ensure_roles(self) -> None:
        """Insert the roles of the accepted users that do not exist yet."""
        names = select(group_roles.c.role).distinct().join(candidates, candidates.c.position == group_roles.c.position)
        if found := self._connection.scalars(names.where(not_excluded)).all():
            ensure_roles(self._connection, found)

    def write_roles(self, chunk: ColumnElement[bool]) -> None:
        """Give the written users of a chunk of candidates the roles of their groups."""
        granted = granted_roles(group_roles, group_roles.c.position == candidates.c.position, chunk)
        has_role = exists().where(user_roles.c.user_id == users.c.id, user_roles.c.role_id == roles.c.id)
        self._connection.execute(insert(user_roles).from_select(["user_id", "role_id"], granted.where(~has_role)))
