"""The rules, one a file. A file that stands here is found; no other place names it."""
