"""The decisions, without I/O: no socket, no event loop, no driver, no clock, no dice.

Time, randomness and locks come in as arguments; effects go out as steps of a flow.
"""
