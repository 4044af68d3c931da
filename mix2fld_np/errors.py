"""The one exception that means "the input cannot work", as opposed to "the program is wrong"."""


class InputError(ValueError):
    """Something handed in cannot work: the message says what, which value, why, and what to try.

    The command line prints the message alone and leaves with exit code 2; any other exception is a defect and keeps its traceback.
    """
