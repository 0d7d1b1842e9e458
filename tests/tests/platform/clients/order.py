"""Creates, reads and cancels an order with the client that was generated beside this file."""

import sys

from flashorder_client import Client
from flashorder_client.api.orders import cancel_order, create_order, get_order
from flashorder_client.models import (
    CancelRequest,
    Cancelled,
    Created,
    CreateOrderRequest,
    ItemRequest,
    OrderReply,
    ProblemBody,
)

base, product, user, key = sys.argv[1:]

with Client(base_url=base) as client:
    body = CreateOrderRequest(user_id=user, items=[ItemRequest(product_id=product, quantity=2)])
    created = create_order.sync(client=client, body=body, idempotency_key=key)
    assert isinstance(created, Created), created
    assert created.status == "pending", created
    repeated = create_order.sync(client=client, body=body, idempotency_key=key)
    assert isinstance(repeated, Created) and repeated.order_id == created.order_id, repeated

    read = get_order.sync(created.order_id, client=client, user_id=user)
    assert isinstance(read, OrderReply), read
    assert read.order.items[0].quantity == 2 and read.order.actual_amount == created.actual_amount, read

    cancelled = cancel_order.sync(created.order_id, client=client, body=CancelRequest(reason="changed my mind"))
    assert isinstance(cancelled, Cancelled) and cancelled.success, cancelled
    after = get_order.sync(created.order_id, client=client)
    assert isinstance(after, OrderReply), after
    assert (after.order.status, after.order.cancel_reason) == ("cancelled", "changed my mind"), after

    again = cancel_order.sync(created.order_id, client=client, body=CancelRequest())
    assert isinstance(again, ProblemBody) and again.code == 20002, again

print(created.order_id)
