"""``tallystick demo``: placeholder until the story is in place."""
def demo() -> None:
    raise NotImplementedError
