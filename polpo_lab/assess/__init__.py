"""Assessment: files and a result go in, an assessment comes out. For server and journal alike."""
