"""Names: units, record layouts, codes and wire forms shared by every room."""
