"""Writing balances: what an account holds at a venue, told anew."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from projections.api.access import OPERATORS, require
from projections.api.operations import problems
from projections.api.order_input import Id16, Id32, Symbol, found_or_unknown
from projections.api.read_routes import Ask, json, services_of
from projections.api.write_routes import SUBMITTED, names_of, submit, told_of
from projections.views.names import Names
from schemas.codes import InputType
from schemas.orders import INVENTORY
from schemas.units import MAX_UNITS

Held = Annotated[int, msgspec.Meta(ge=0, le=MAX_UNITS)]


class BalanceRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that an account holds of an instrument at a venue, its open sells included, in the
    instrument's smallest unit.
    """

    account: Annotated[Id16, msgspec.Meta(min_length=1)]
    venue: Id32
    symbol: Symbol
    held_units: Held


def inventory_record(balance: BalanceRequest, names: Names) -> bytes:
    """An INVENTORY record; ProblemError 422 for a place that does not exist."""
    venue = found_or_unknown(names.venue_id(balance.venue), "venue", balance.venue)
    symbol = balance.symbol
    return INVENTORY.pack(
        type=int(InputType.INVENTORY),
        venue=venue,
        instrument=found_or_unknown(names.instrument_id(symbol), "instrument", symbol),
        account=balance.account.encode(),
        units=balance.held_units,
    )


@post(
    "/v1/inventory",
    status_code=202,
    tags=["control"],
    summary="Tell anew what an account holds at a venue.",
    responses=SUBMITTED | problems(415, 422),
)
async def post_inventory(request: Ask, data: JSONBody[BalanceRequest]) -> Response[bytes]:
    """It binds sells where the instrument's limits say so; only an operator tells it."""
    require(request.state.caller, OPERATORS)
    services = services_of(request)
    record = inventory_record(data, names_of(services))
    what = f"inventory {data.account} {data.venue} {data.symbol} {data.held_units}"
    given = await submit(request, services, record, what)
    return json(await told_of(services, given, None), 202)


INVENTORY_ROUTES: list[HTTPRouteHandler] = [post_inventory]
