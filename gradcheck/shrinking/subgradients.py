class StillApart:
    def __init__(self, *a):
        pass
