"""Boards are data: `boards/<id>/board.yml` becomes a `Board`, and its texts are filled in."""
