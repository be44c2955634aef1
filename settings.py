"""The settings, as one frozen model.

`server.py`, its workers and the command line build it and pass it down. Nothing else reads the
environment.
"""

from pathlib import Path
from typing import Literal

from pydantic_settings import BaseSettings, SettingsConfigDict

from resolvers.access import development_issuer
from resolvers.access.loopback import is_loopback
from resolvers.access.viewer import ACR_LEVELS, AcrLevel
from resolvers.log import checkpoints as checkpoint_keys
from resolvers.log.checkpoints import CheckpointKey
from store.records import Role


class Settings(BaseSettings):
    """All settings. They are read from `CASETYPES_*` in the environment, some from options."""

    model_config = SettingsConfigDict(env_prefix="casetypes_", frozen=True)

    host: str = "127.0.0.1"
    port: int = 8000
    data: Path = Path("data")
    sample: Literal["demo", "none"] = "demo"
    workers: int = 1
    mongodb_uri: str | None = None
    database: str = "casetypes"
    embedded: bool = False
    mongodb_seconds: float = 6
    mongod: Path | None = None
    mongod_cache_gb: float = 1.0
    development: bool = False
    oidc_issuer: str | None = None
    oidc_audience: str = development_issuer.AUDIENCE
    oidc_acr: tuple[AcrLevel, ...] = ACR_LEVELS
    role_codes: dict[str, Role] = {role.value: role for role in Role}
    extra_hsa_prefixes: tuple[str, ...] = ()
    connections_per_user: int = 50
    subscriptions_per_socket: int = 100
    socket_init_seconds: float = 5
    heartbeat_seconds: float = 15
    ping_seconds: float = 20
    origins: tuple[str, ...] = ()
    header_seconds: float = 10
    body_seconds: float = 10
    body_bytes: int = 1024 * 1024
    import_bytes: int = 16 * 1024 * 1024
    deadline_seconds: float = 8
    query_depth: int = 20
    query_fields: int = 2_000
    query_aliases: int = 100
    query_directives: int = 100
    query_operations: int = 20
    query_cost: int = 20_000
    user_operations: int = 4
    user_cost_per_second: float = 10_000
    user_cost_burst: float = 40_000
    principal_cost_per_second: float = 100_000
    principal_cost_burst: float = 200_000
    log_operations: bool = True
    exports_at_once: int = 4
    metrics: Literal["loopback", "all", "none"] = "loopback"
    checkpoint_key: Path | None = None
    checkpoint_seconds: float = 600
    trusted_documents: Path | None = None
    trusted_only: bool = False

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def local_issuer(self) -> bool:
        """Whether tokens of the development issuer are accepted.

        Only on a loopback address, and only with the embedded database or by explicit choice.
        """
        return (
            is_loopback(self.host)
            and self.oidc_issuer is None
            and (self.embedded or self.development)
        )

    def signing_key(self) -> CheckpointKey:
        """The key that signs checkpoints; created if it does not exist.

        It is in the data folder unless the settings name another file.
        """
        return CheckpointKey.of(
            self.checkpoint_key or self.data / checkpoint_keys.KEY_FILE, make=True
        )
