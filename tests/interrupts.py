"""Ctrl-C at a line of one's choice."""

import contextlib
import sys


@contextlib.contextmanager
def interrupted_at(line, watched):
    """Ctrl-C at that line, counted over the lines that the watched files execute; yields the count."""
    count = [0]

    def local(frame, event, _):
        if event == "line":
            count[0] += 1
            if count[0] == line:
                raise KeyboardInterrupt
        return local

    def trace(frame, event, _):
        return local if frame.f_code.co_filename.endswith(watched) else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield count
    finally:
        sys.settrace(before)
