"""Temporary."""


class MongodError(Exception): ...


async def start(*a, **k): ...
async def require_replica_set(c):
    return "6"


class Mongod: ...
