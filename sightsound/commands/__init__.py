"""The commands: one file each, imported when it is called.

A file's docstring is the command's help; `add_arguments` states what it takes, `run` carries it out
and returns the exit status.
"""
