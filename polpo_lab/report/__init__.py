"""Reports: a notebook that is run over a journal, as one page that others can read and verify.

``sections`` say what is told, as values; ``Report`` shows one of them; ``building`` runs the
notebook; ``verifying`` works every number of a page out anew.
"""
