"""Staff look up customers."""

from typing import Annotated
from uuid import UUID

from dishka import FromComponent
from dishka.integrations.litestar import inject
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from shop.kit.http.openapi import problems
from shop.kit.identity import staff
from shop.kit.paging import Cursor, Limit, Page
from shop.modules.users.customer_list import CustomerList, CustomerView
from shop.ports.users import CustomerNotFound

FromList = Annotated[CustomerList, FromComponent("users")]


@get("/api/v1/customers", policy=staff)
@inject
async def list_customers(
    customers: FromList,
    q: Annotated[str | None, QueryParameter(max_length=254, description="the beginning of an e-mail address, or a part of a name")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[CustomerView]:
    """List customers, the newest first."""
    return await customers.found(q, limit, cursor)


@get("/api/v1/customers/{customer_id:uuid}", policy=staff, responses=problems(CustomerNotFound))
@inject
async def show_customer(customer_id: FromPath[UUID], customers: FromList) -> CustomerView:
    """Show a customer."""
    return await customers.customer(customer_id)


CUSTOMER_ROUTES: list[HTTPRouteHandler] = [list_customers, show_customer]
