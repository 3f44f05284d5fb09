"""People's door of this room, one module per family of acts."""
