"""Assessment: files and a result go in, an assessment comes out. Used by server and journal alike."""
