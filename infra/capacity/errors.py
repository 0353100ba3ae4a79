"""What is wrong with what the calculator was given."""


class CapacityError(ValueError):
    """A load, a registry or a file of coefficients that cannot be calculated with; the message says the way out."""
