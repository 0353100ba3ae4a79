"""The tasks of the watch, a module each with ``run(repo, settings, now)``.

A task runs in a process of its own, which imports only what that task needs and gives its memory back when it is done.
"""
