"""Which errors mean that MongoDB is unavailable."""

from pymongo.errors import ConnectionFailure, ExecutionTimeout, PyMongoError

_OUTAGE_LABELS = ("RetryableWriteError", "TransientTransactionError")
_OUT_OF_DISK_SPACE = 14031


def is_outage(error: BaseException | None) -> bool:
    """Return whether an error means that MongoDB is unavailable now: a retry may succeed."""
    return isinstance(error, (ConnectionFailure, ExecutionTimeout)) or (
        isinstance(error, PyMongoError)
        and (
            error.timeout
            or any(map(error.has_error_label, _OUTAGE_LABELS))
            or getattr(error, "code", None) == _OUT_OF_DISK_SPACE
        )
    )
