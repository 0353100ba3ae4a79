class TrainingError(Exception):
    """A training cannot be done as asked; the message says why and what to do."""


class NotEnoughHistoryError(TrainingError):
    """The archive holds too little, or too few labels, for the windows of the settings."""


class RefusedTrainingSetError(TrainingError):
    """The training set broke its expectations; the message is the gate's report."""


class ConversionError(TrainingError):
    """The converted model does not score as the original does."""


class LeakError(TrainingError):
    """Something that a model reads was not known when its order was placed."""


class TrackingError(TrainingError):
    """A published model could not be logged where the settings ask for it."""
