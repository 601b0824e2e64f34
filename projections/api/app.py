"""The application: routes, bounds, errors, documents."""

from __future__ import annotations

from litestar import Litestar
from litestar.config.app import AppConfig
from litestar.config.compression import CompressionConfig
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, License, SecurityScheme

from projections.api.bounds import Guarded, Meter
from projections.api.inventory_routes import INVENTORY_ROUTES
from projections.api.problems import ProblemError, on_anything, on_http, on_problem
from projections.api.read_routes import READ_ROUTES
from projections.api.reference_routes import REFERENCE_ROUTES
from projections.api.services import Services
from projections.api.stream import get_stream
from projections.api.system_routes import SYSTEM_ROUTES
from projections.api.write_routes import WRITE_ROUTES

WRITES = [*WRITE_ROUTES, *INVENTORY_ROUTES]
ROUTES = [*READ_ROUTES, *WRITES, *REFERENCE_ROUTES, *SYSTEM_ROUTES, get_stream]
ABOUT = (
    "A smart order router whose every decision can be replayed. Sizes are in an instrument's "
    "smallest unit (`_units`), prices in 1e-9 of the quote currency (`_nanos`) or decimal text, "
    "times in nanoseconds since 1970 (`_ns`). Ids stay below 2^53, so that every reader of JSON "
    "takes them exactly; times, trade ids and digests have 64 bits and need one that keeps whole "
    "numbers."
)


def openapi(services: Services) -> OpenAPIConfig:
    """The document at /openapi/openapi.json, and at /openapi.json."""
    bearer = SecurityScheme(
        type="http", scheme="bearer", description="an Ed25519-signed JWT, or an API key"
    )
    return OpenAPIConfig(
        title="Venuefold",
        version=services.version or "0",
        description=ABOUT,
        license=License(name="Apache-2.0"),
        path="/openapi",
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        components=Components(security_schemes={"bearer": bearer}),
        security=[{"bearer": []}] if services.gate.rules.is_required else None,
    )


def make_app(services: Services) -> Litestar:
    """The ASGI application of one service."""

    def settle(config: AppConfig) -> AppConfig:
        config.state = State({"services": services, "orders": Meter(services.elapsed_ns)})
        return config

    async def end() -> None:
        await services.jobs.close()
        await services.reference.close()
        await services.port.close()

    origins = list(services.bounds.cors_origins)
    app = Litestar(
        ROUTES,
        on_app_init=[settle],
        on_shutdown=[end],
        exception_handlers={
            ProblemError: on_problem,
            HTTPException: on_http,
            Exception: on_anything,
        },
        openapi_config=openapi(services),
        compression_config=CompressionConfig(
            backend="gzip", minimum_size=1_000, gzip_compress_level=4, exclude=["/v1/stream"]
        ),
        cors_config=CORSConfig(allow_origins=origins) if origins else None,
        request_max_body_size=services.bounds.max_body_bytes,
        logging_config=None,
        debug=False,
    )
    # In front of everything, so that a path that does not exist is bounded and guarded as well.
    meter = Meter(services.elapsed_ns)
    app.asgi_handler = Guarded(app.asgi_handler, services.gate, services.bounds, meter)
    return app
