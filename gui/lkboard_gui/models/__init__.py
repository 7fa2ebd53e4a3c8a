"""State and table models. They call `lkboard.app`, hold no widgets, and are what the pages show."""
