"""The one exception for what a user can cause and can mend."""


class UserError(ValueError):
    """A file, key or value that the user gave cannot be used.

    The message is one line: it names the file, key or value, says what was expected and what to do. The command line
    prints it and exits with code 2; a node refuses to configure with it. Anything else that is raised is a bug.
    """
