"""The window: pages and models over `lkboard.app`. The only part of lkboard that knows Qt."""
