"""Errors of an unusable MongoDB. Each message tells an operator what to do."""


class MongodError(Exception):
    """MongoDB cannot be used."""


class MongodNotFound(MongodError):
    """No `mongod` was found, or it cannot run on this machine."""


class DataFolderInUse(MongodError):
    """Another server owns the data folder."""


class DataFolderNotWritable(MongodError):
    """The data folder cannot be created or written."""


class StandaloneMongo(MongodError):
    """The MongoDB is not a replica set."""


class MongoTooOld(MongodError):
    """The MongoDB is older than version 6."""
