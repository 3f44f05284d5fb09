"""People's door to projects: a form in, one act, a page or a redirect out."""

from functools import cached_property
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpResponse
from django.utils.module_loading import import_string

from accounts.forms import EmptyForm
from accounts.pages import ActorMixin, FlowView, PageView
from accounts.paging import page_of
from orgs.models import Organization
from orgs.projects import access, flows, limits, spelling
from orgs.projects.access import Person
from orgs.projects.errors import MemberNotFound
from orgs.projects.forms import InviteForm, LevelForm, NewProjectForm, ProjectForm
from orgs.projects.models import ROOT, Level, Project, ProjectMember


class _Projects(ActorMixin):
    """Tells a page of this room who calls: the person, whom nothing narrows."""

    @property
    def caller(self) -> Person:
        """The person, as acts want to know them."""
        return Person(user=self.user, actor=self.actor)


class HomeView(_Projects, PageView):
    """The first page after a login: my projects, each with my level in it."""

    template_name = "projects/home.html"
    done_sentences: ClassVar[dict[str, str]] = {
        "deleted": "Deleted, with all that was in it.",
        "left": "You are no longer a member.",
    }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add one page of projects, those whose name holds the search text."""
        search = self.request.GET.get("q", "").replace("\x00", "").strip()[: limits.NAME_MAX_CHARS]
        rows = access.visible(self.caller).named_like(search).select_related("billed_to", "org").by_name()
        sections = [import_string(path)(self.request, self.user) for path in settings.HOME_SECTIONS]
        page = page_of(rows, self.request.GET.get("page"), limits.PAGE_ROWS)
        return super().get_context_data(page=page, sections=sections, q=search, **kwargs)


class NewProjectView(_Projects, FlowView):
    """/projects/new/: makes a project."""

    form_class, template_name = NewProjectForm, "projects/new.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        """Offer the organizations of the person."""
        return {**super().get_form_kwargs(), "orgs": Organization.objects.of(self.user).order_by("name", "pk")}

    def act(self, form: NewProjectForm) -> HttpResponse:
        """Make it and go to its page."""
        project = flows.create(caller=self.caller, details=form.details, org=form.org_handle, actor=self.actor)
        return self.leave("made", "projects:project", project.public_id)


class _OneProject(_Projects):
    """A page of one project; ProjectNotFound, a 404, for any other id, and LevelTooLow, a 403, below `level`."""

    level = Level.VIEW

    @cached_property
    def project(self) -> Project:
        """The project of the address, with the person's level in it."""
        return access.find(self.caller, self.kwargs["project_id"], self.level)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the project."""
        context: dict[str, Any] = super().get_context_data(project=self.project, **kwargs)  # type: ignore[misc]
        return context


class ProjectView(_OneProject, PageView):
    """/projects/<id>/: its folders (`?folder=`) and its members."""

    template_name = "projects/project.html"
    done_sentences: ClassVar[dict[str, str]] = {
        "made": "The project is there. You administer it.",
        "changed": "Changed.",
        "invited": "Added. They have the project from now on.",
        "member": "Changed. It holds from their next request on, for their tokens too.",
        "removed": "Removed. They, and their tokens, lose the project with their next request.",
    }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add one page of members, and what is in the folder."""
        folder = spelling.clean_path(self.request.GET.get("folder") or ROOT)
        names = [(path, spelling.base_of(path)) for path in flows.find_children(project=self.project, path=folder)]
        above = [(path, spelling.base_of(path)) for path in [*spelling.ancestors_of(folder), folder] if path != ROOT]
        members = page_of(self.project.members.select_related("user").by_level(), self.request.GET.get("page"), limits.PAGE_ROWS)
        last = self.project.can_administer and not self.project.members.administrators().exclude(user=self.user).exists()
        sections = [import_string(path)(self.request, self.project, folder) for path in settings.PROJECT_SECTIONS]
        return super().get_context_data(
            page=members, folder=folder, folders=names, above=above, sections=sections, is_last_administrator=last, **kwargs
        )


class ChangeProjectView(_OneProject, FlowView):
    """/projects/<id>/change/: name, summary, PHI mark."""

    form_class, template_name, level = ProjectForm, "projects/change.html", Level.ADMINISTER

    def get_form_kwargs(self) -> dict[str, Any]:
        """Begin with what is so now."""
        initial = {"name": self.project.name, "summary": self.project.summary}
        return {**super().get_form_kwargs(), "initial": initial, "phi_stays": self.project.phi}

    def act(self, form: ProjectForm) -> HttpResponse:
        """Change it and go back to its page."""
        flows.update(caller=self.caller, project_id=self.project.public_id, details=form.details, actor=self.actor)
        return self.leave("changed", "projects:project", self.project.public_id)


class DeleteProjectView(_OneProject, FlowView):
    """/projects/<id>/delete/: asks, then deletes it with all that is in it."""

    form_class, template_name, level = EmptyForm, "projects/delete.html", Level.ADMINISTER

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what goes with it."""
        counts = {"members_count": self.project.members.count(), "folders_count": self.project.folders.count()}
        return super().get_context_data(busy=access.work_in(self.project), **counts, **kwargs)

    def act(self, form: EmptyForm) -> HttpResponse:
        """Delete it and go home."""
        flows.destroy(caller=self.caller, project_id=self.project.public_id, end_work=True, actor=self.actor)
        return self.leave("deleted", "projects:home")


class InviteView(_OneProject, FlowView):
    """/projects/<id>/invite/: makes a person a member."""

    form_class, template_name, level = InviteForm, "projects/invite.html", Level.ADMINISTER

    def act(self, form: InviteForm) -> HttpResponse:
        """Add them and go back to the project."""
        filled = form.cleaned_data
        flows.invite(caller=self.caller, project_id=self.project.public_id, invitee=filled["user"], level=filled["level"], actor=self.actor)
        return self.leave("invited", "projects:project", self.project.public_id)


class _OneMember(_OneProject):
    """A page of one member of a project that the person administers; MemberNotFound, a 404, for anybody else."""

    level = Level.ADMINISTER

    @cached_property
    def member(self) -> ProjectMember:
        """The member of the address."""
        found = self.project.members.select_related("user").filter(user__username=self.kwargs["username"].replace("\x00", "")).first()
        if found is None:
            raise MemberNotFound()
        return found

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the member."""
        return super().get_context_data(member=self.member, **kwargs)


class ChangeMemberView(_OneMember, FlowView):
    """/projects/<id>/members/<username>/: another level."""

    form_class, template_name = LevelForm, "projects/change_member.html"

    def get_initial(self) -> dict[str, Any]:
        """Begin with the level of now."""
        return {"level": self.member.level_label}

    def act(self, form: LevelForm) -> HttpResponse:
        """Change it and go back to the project."""
        flows.change_member(
            caller=self.caller, project_id=self.project.public_id, username=self.member.user.username,
            level=form.cleaned_data["level"], actor=self.actor,
        )  # fmt: skip
        return self.leave("member", "projects:project", self.project.public_id)


class RemoveMemberView(_OneMember, FlowView):
    """/projects/<id>/members/<username>/remove/: asks, then takes the person out."""

    form_class, template_name = EmptyForm, "projects/remove_member.html"

    def act(self, form: EmptyForm) -> HttpResponse:
        """Remove them and go back to the project."""
        flows.remove_member(caller=self.caller, project_id=self.project.public_id, username=self.member.user.username, actor=self.actor)
        if self.member.user == self.user:
            return self.leave("left", "projects:home")
        return self.leave("removed", "projects:project", self.project.public_id)


class LeaveProjectView(_OneProject, FlowView):
    """/projects/<id>/leave/: asks, then gives up one's own membership."""

    form_class, template_name = EmptyForm, "projects/leave.html"

    def act(self, form: EmptyForm) -> HttpResponse:
        """Leave it and go home."""
        flows.leave(caller=self.caller, project_id=self.project.public_id, actor=self.actor)
        return self.leave("left", "projects:home")
