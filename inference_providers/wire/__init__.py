"""The wire: requests in, replies out, faults classified. Independent of any HTTP library.

`messages` holds what travels; `classify` says what a reply means; `route` decides what
to try next; `race` finds the first server that answers; `send` and `asend` do the I/O.
"""
