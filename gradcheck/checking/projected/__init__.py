"""Problems of more entries than are judged one by one: projections on random directions, then bisection.

``check.py`` is the way through.
"""
