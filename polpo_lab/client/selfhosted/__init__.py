"""What self-hosted Polpo (open source) has of its own: its bodies, and calls it takes otherwise.

`reading` and `assessments` turn its objects into ours, `asking` ours into what it takes,
`calls` are the flows that differ. How the client comes to use them: `dialects`.
"""
