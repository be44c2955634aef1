"""What the registry promises, held while its parts are killed, stopped and cut off: a black-box
test with its own records of what was promised.
"""
