class ArtefactError(Exception):
    """A model artefact is absent or not what it should be; the message says which and what to do."""
