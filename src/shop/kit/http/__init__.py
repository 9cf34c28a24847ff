'''The edge of the shop: everything between an HTTP request and a module's handler.

A handler looks like this; every parameter has a marker, for Litestar infers none:

    @post("/api/v1/carts/{cart_id:uuid}/lines", status_code=200, policy=capability("cart"), idempotency="honoured",
          responses=problems(CartNotFound, CartLocked, CartFull, Unavailable))
    @inject
    async def add_line(
        cart_id: FromPath[UUID],
        data: JSONBody[Line],
        caller: NamedDependency[Caller],
        once: NamedDependency[Once],
        carts: Annotated[CartService, FromComponent("cart")],
        if_match: Annotated[str | None, HeaderParameter(name="If-Match")] = None,
        limit: Limit = 20,
    ) -> CartView:
        """Add pieces of a SKU to the cart."""
        return await carts.add(cart_id, data, caller, once)

`get, post, put, patch, delete, Response` come from `litestar`; `FromPath, FromQuery, FromHeader, JSONBody, HeaderParameter, QueryParameter` from
`litestar.params`; `NamedDependency` from `litestar.di`; `inject` from `dishka.integrations.litestar` and `FromComponent` from `dishka`.
`caller` and `once` are dependencies of the application: a handler that does not name them does not pay for them. `once` is there on every route;
without a key, or on a route without `idempotency`, it is always the first time.

What a route says of itself (all of it is kept in `handler.opt`):
- `policy=`       public, anyone, signed_in, customer, staff or capability("cart"); a route without one stops the start
- `idempotency=`  "honoured" or "required"; the edge reads Idempotency-Key, keeps 2xx and 409 and gives them again
- `secrets=`      top-level members of the answer that are never kept, such as `("order_token",)`; with it
- `derive=`       `async def derive(container, subject, body) -> dict` gives those members again on a replay; `container` is the request's dishka
                  container, `subject` what the first try made, `body` the kept answer as a dict
- `limit=`        `(count, seconds)` per client address, for expensive anonymous writes; beyond it 429
- `body_limit=`   the largest body in bytes, 64 KiB unless said otherwise
- `raw=`          True for a route that reads `await request.body()` itself, of any content type (webhook, one-click form), or `request.parts()`
                  as they come
- `accepts=`      the content types that the document names for a raw body; `gives=` the one of an answer that is no JSON

A body that is all optional may be absent: a POST without one means `{}`. `errors[].field` names are made here; a service raises
`Invalid.field("lines[0].sku", "...")`. `Response(content, headers={"ETag": etag})` sets headers; the edge adds `Cache-Control: no-store` unless the
handler set its own.
'''
