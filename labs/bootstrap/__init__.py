"""Making the environment that everything else runs in.

course.py runs this room with whatever Python the reader has, before anything is installed: it is
standard library only. `state` finds out whether the environment is complete, `install` makes it so,
`package` is the wheel that puts the course itself into it.
"""
