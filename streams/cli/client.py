"""What the operations commands share: one client of the REST API, and its errors as exit codes.

The address comes from `--url` or SOR_URL, the token or API key from SOR_TOKEN only, so that it
never stands in a list of processes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import orjson

from schemas.errors import InputError, NotFoundError, VenuefoldError

DEFAULT_URL = "http://127.0.0.1:8080"
TIMEOUT_S = 15.0


class NotRunningError(VenuefoldError):
    """Nobody answers, or the service is not ready."""

    exit_code = 4


class TimedOutError(VenuefoldError):
    """No answer in time; what became of the command is not known."""

    exit_code = 5


class Client:
    """The API as plain values; a context."""

    def __init__(self, url: str | None) -> None:
        import httpx

        self.url = (url or os.environ.get("SOR_URL") or DEFAULT_URL).rstrip("/")
        if not self.url.startswith(("http://", "https://")):
            raise InputError(f"--url {self.url}: write http://HOST:PORT")
        token = os.environ.get("SOR_TOKEN", "")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(self, path: str, **parameters: Any) -> Any:
        """The JSON of a GET."""
        given = {name: value for name, value in parameters.items() if value is not None}
        return self._ask("GET", path, params=given)

    def post(self, path: str, body: dict[str, Any], wait_s: int = 0) -> Any:
        """The JSON of a POST; `wait_s` waits for the decision."""
        headers = {"content-type": "application/json"}
        if wait_s:
            headers["prefer"] = f"wait={wait_s}"
        return self._ask("POST", path, content=orjson.dumps(body), headers=headers)

    def events(self, topics: str, **parameters: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        """(topic, event) of the live stream, until it ends."""
        import httpx

        given = {name: value for name, value in parameters.items() if value is not None}
        try:
            with self._http.stream(
                "GET", "/v1/stream", params={"topics": topics, **given}
            ) as response:
                if response.status_code != 200:
                    response.read()
                    raise failure(response.status_code, response.content)
                topic = ""
                for line in response.iter_lines():
                    if line.startswith("event: "):
                        topic = line.removeprefix("event: ")
                    elif line.startswith("data: "):
                        yield topic, orjson.loads(line.removeprefix("data: "))
        except httpx.TransportError as error:
            raise NotRunningError(f"{self.url}: the stream ended ({error}); repeat") from None

    def _ask(self, method: str, path: str, **given: Any) -> Any:
        import httpx

        try:
            response = self._http.request(method, path, **given)
        except httpx.TimeoutException:
            raise TimedOutError(
                f"{self.url}: no answer within {TIMEOUT_S:.0f} s; what became of it is not known, "
                "repeat it with the same ClOrdID"
            ) from None
        except httpx.TransportError as error:
            raise NotRunningError(
                f"{self.url}: nobody answers ({error}); start `sor serve`, or name another --url"
            ) from None
        if response.status_code >= 400:
            raise failure(response.status_code, response.content)
        return orjson.loads(response.content)


def failure(status: int, content: bytes) -> VenuefoldError:
    """The error that a problem document stands for."""
    try:
        problem = orjson.loads(content)
    except orjson.JSONDecodeError:
        problem = {}
    field = f"{problem['field']}: " if problem.get("field") else ""
    told = f"{field}{problem.get('detail') or problem.get('title') or f'status {status}'}"
    message = f"{problem.get('code', status)}: {told}"
    if status == 404:
        return NotFoundError(message)
    if status == 503:
        return NotRunningError(message)
    if status == 504:
        return TimedOutError(message)
    return VenuefoldError(message) if status >= 500 else InputError(message)
