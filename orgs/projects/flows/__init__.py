"""The acts of this room: one function per thing a member can do, each one transaction."""

from orgs.projects.flows.folders import create_folder, find_children, move_folders, remove_folder, rename_folder
from orgs.projects.flows.members import Invited, change_member, decrease, invite, leave, remove_member
from orgs.projects.flows.projects import Details, add_tags, create, destroy, remove_tags, set_properties, update

__all__ = [
    "Details",
    "Invited",
    "add_tags",
    "change_member",
    "create",
    "create_folder",
    "decrease",
    "destroy",
    "find_children",
    "invite",
    "leave",
    "move_folders",
    "remove_folder",
    "remove_member",
    "remove_tags",
    "rename_folder",
    "set_properties",
    "update",
]
