"""What a token reaches: all projects up to a level, or chosen projects, each up to a level (DESIGN 3, Scope)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from accounts.models import User
from orgs.projects.errors import ProjectNotFound
from orgs.projects.models import Level, LevelName, Project, ProjectQuerySet
from tokens import limits
from tokens.errors import ScopeRefused, ScopeTooWide, WiderThanToken
from tokens.models import Token, TokenProject

STAR = "*"  # in JSON: all projects


@dataclass(frozen=True)
class Scope:
    """`everywhere` is the most in any project; None: only in `projects`, by their public ids."""

    everywhere: Level | None = Level.ADMINISTER
    projects: Mapping[str, Level] = field(default_factory=dict)

    def covers(self, other: "Scope") -> bool:
        """Return whether `other` reaches nothing that this one does not (TOK-07)."""
        if self.everywhere is not None:
            return max([other.everywhere or 0, *other.projects.values()]) <= self.everywhere
        if other.everywhere is not None:
            return False
        return all(level <= self.projects.get(project, 0) for project, level in other.projects.items())

    def as_json(self) -> dict[str, LevelName]:
        """Return it as REST and the dx protocol write it: `{"*": "VIEW"}` or `{"project-…": "VIEW"}`."""
        if self.everywhere is not None:
            return {STAR: self.everywhere.word}
        return {project: level.word for project, level in self.projects.items()}


ALL = Scope()


def of(token: Token) -> Scope:
    """Return the scope of `token`. One query, unless its projects were fetched along (TokenQuerySet.with_scope)."""
    if token.everywhere is not None:
        return Scope(everywhere=Level(token.everywhere))
    return Scope(None, {entry.project.public_id: Level(entry.level) for entry in _entries(token)})


def parse(value: object) -> Scope:
    """Return the scope that `value`, from JSON, stands for. Raises ScopeRefused for anything of another shape."""
    if not isinstance(value, dict) or not value:
        raise ScopeRefused(reason='Give {"*": level} for all projects, or {"project-…": level} for chosen ones')
    if len(value) > limits.SCOPE_PROJECTS_MOST:
        raise ScopeRefused(reason=f"A token has at most {limits.SCOPE_PROJECTS_MOST} chosen projects. Choose fewer, or all")
    levels = {project: _level(name) for project, name in value.items()}
    if STAR not in levels:
        return Scope(None, levels)
    if len(levels) > 1:
        raise ScopeRefused(reason='Give either "*" for all projects, or chosen ones by their ids, not both')
    return Scope(levels[STAR])


def chosen(wish: Scope | None, *, user: User, presenter: Token | None) -> Scope:
    """Return the scope of a token that `user` makes: as wished, else that of the token that asks, else all projects.

    Raises ProjectNotFound for a project that the person does not see, ScopeTooWide for a level above their own there, and
    WiderThanToken for what the presenting token does not have itself.
    """
    held = of(presenter) if presenter is not None else ALL
    if wish is None:
        return held
    # First what the token has: it learns nothing of projects beyond it.
    if not held.covers(wish):
        raise WiderThanToken(reason="reaches less than what you ask for; a token made by it cannot reach more than itself")
    _require_own_levels(wish, user)
    return wish


def reached(wish: Scope, user: User) -> ProjectQuerySet:
    """Return which projects of `user` a token of this scope would reach now."""
    mine = Project.objects.visible_to(user)
    return mine if wish.everywhere is not None else mine.filter(public_id__in=wish.projects)


def store(token: Token, wish: Scope) -> None:
    """Write the entries of a new token's scope."""
    ids = dict(Project.objects.filter(public_id__in=wish.projects).values_list("public_id", "pk"))
    if len(ids) != len(wish.projects):
        raise ProjectNotFound()  # deleted a moment ago
    TokenProject.objects.bulk_create(
        TokenProject(token=token, project_id=ids[public_id], level=level) for public_id, level in wish.projects.items()
    )


def _entries(token: Token) -> list[TokenProject]:
    if "projects" in getattr(token, "_prefetched_objects_cache", {}):
        return list(token.projects.all())
    return list(token.projects.select_related("project").order_by("project__name", "pk"))


def _level(name: object) -> Level:
    if not isinstance(name, str) or name not in Level.names:
        raise ScopeRefused(reason=f"A level is one of {', '.join(Level.names)}")
    return Level[name]


def _require_own_levels(wish: Scope, user: User) -> None:
    if not wish.projects:
        return
    mine = {project.public_id: project for project in Project.objects.visible_to(user).filter(public_id__in=_possible(wish.projects))}
    for public_id, level in wish.projects.items():
        project = mine.get(public_id)
        if project is None:
            raise ProjectNotFound()
        if level > project.level:
            raise ScopeTooWide(project=project.name, held=project.level_label, asked=level.label)


def _possible(public_ids: Mapping[str, Level]) -> list[str]:
    # A database may refuse other text, NUL for one.
    return [public_id for public_id in public_ids if public_id.isascii() and public_id.isprintable()]
