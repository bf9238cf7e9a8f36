"""The command line: one verb a file. A verb parses, calls one function of a floor below, and prints what comes back.

Knows how a command is spelt and how its end is told. Must not know how anything is measured or trained, and loads no
heavy library before a verb runs, so that `instincts --help` answers at once.
"""
