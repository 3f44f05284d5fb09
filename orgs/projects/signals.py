"""What this room tells and asks the floors above. Each signal has one sender; receivers run inside the sender's transaction."""

from django.dispatch import Signal

# A question: how many things are in these folders? Only orgs.projects.flows.folders sends it, before one is removed.
# sender=Folder; folders: QuerySet[Folder]. A receiver returns an int and changes nothing.
contents_asked = Signal()

# A question: what runs in this project? Only orgs.projects.access.work_in sends it.
# sender=Project; project: Project. A receiver returns `list[Casualties]` and changes nothing.
project_work_asked = Signal()

# Folders are removed with all that is in them. Only orgs.projects.flows.folders sends it, inside its transaction, before the rows go.
# sender=Folder; project: Project (locked); folders: list[int] (ids of rows); actor: Actor. A receiver that raises undoes the act.
folders_going = Signal()

# A project is deleted. Only orgs.projects.flows.destroy sends it, inside its transaction, before the row goes.
# sender=Project; project: Project (locked); actor: Actor. A receiver that raises undoes the act.
project_going = Signal()
