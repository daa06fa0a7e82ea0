"""Where suites come from, and how they are written: files, frames, Python, bundled datasets.

A reader of this package turns its source into drafts, each of which knows its place;
`drafts.checked` makes strict templates of them, or says all that is wrong, place by place.
"""
