"""The life of an order, every error and every bad call, by a client that grpcio's tools generated from `proto/`.

usage: orders.py ADDRESS USER PRODUCT OTHER_PRODUCT; the products cost 99.99, the first has 10 units, the other 1."""

import sys
import threading

import grpc
from calls import ADMIN, SECONDS, refused
from order.v1 import order_pb2 as pb
from order.v1 import order_pb2_grpc

ADDRESS, USER, PRODUCT, OTHER = sys.argv[1], *map(int, sys.argv[2:5])
channel = grpc.insecure_channel(ADDRESS)
orders = order_pb2_grpc.OrderServiceStub(channel)


def order(quantity=1, product=PRODUCT, user=USER, **fields):
    line = pb.OrderItem(product_id=product, quantity=quantity, **fields)
    return pb.CreateOrderRequest(user_id=user, items=[line])


def create(request, key=None):
    metadata = [("idempotency-key", key)] if key else []
    return orders.CreateOrder.with_call(request, timeout=SECONDS, metadata=metadata)


def life():
    asked = order(2, price=99.99)
    asked.shipping_address, asked.payment_method = '{"city":"Shanghai"}', "alipay"
    made, call = create(asked, f"life-{USER}")
    assert made.order_id > 0 and made.status == "pending", made
    assert made.actual_amount == 199.98, made.actual_amount
    assert made.created_at.seconds > 1_700_000_000, made.created_at
    assert "idempotent-replayed" not in dict(call.initial_metadata())
    again, call = create(asked, f"life-{USER}")
    assert again == made, f"{again} instead of {made}"
    assert dict(call.initial_metadata())["idempotent-replayed"] == "true"

    one = pb.GetOrderDetailRequest(user_id=USER, order_id=made.order_id)
    shown = orders.GetOrderDetail(one, timeout=SECONDS).order
    assert (shown.id, shown.order_no, shown.user_id) == (made.order_id, made.order_no, USER)
    assert (shown.total_amount, shown.actual_amount) == (199.98, 199.98)
    assert (shown.payment_method, shown.shipping_address) == ("alipay", '{"city":"Shanghai"}')
    line = shown.items[0]
    assert (line.product_id, line.sku_id, line.price, line.quantity) == (PRODUCT, 0, 99.99, 2), line
    assert line.product_name and not shown.HasField("paid_at")

    second = create(order(1), f"second-{USER}")[0]
    listed = orders.ListOrders(pb.ListOrdersRequest(user_id=USER), timeout=SECONDS)
    assert [order.id for order in listed.orders] == [second.order_id, made.order_id], listed
    assert listed.total == 2
    page = pb.ListOrdersRequest(user_id=USER, page=2, page_size=1, status="pending")
    page = orders.ListOrders(page, timeout=SECONDS)
    assert [order.id for order in page.orders] == [made.order_id] and page.total == 2

    cancel = pb.CancelOrderRequest(user_id=USER, order_id=second.order_id, reason="late")
    cancelled = orders.CancelOrder(cancel, timeout=SECONDS)
    assert cancelled.success and cancelled.message, cancelled
    refused(grpc.StatusCode.FAILED_PRECONDITION, 20002, lambda: orders.CancelOrder(cancel))

    def move(status, user=0):
        moved = pb.UpdateOrderStatusRequest(order_id=made.order_id, user_id=user, status=status)
        return orders.UpdateOrderStatus(moved, timeout=SECONDS, metadata=[ADMIN])

    refused(grpc.StatusCode.NOT_FOUND, 20001, lambda: move("paid", USER + 1))
    for status, user in [("paid", USER), ("shipped", 0), ("completed", 0)]:
        assert move(status, user).success
        shown = orders.GetOrderDetail(one, timeout=SECONDS).order
        assert shown.status == status and shown.HasField("paid_at"), shown
    refused(grpc.StatusCode.FAILED_PRECONDITION, 20005, lambda: move("pending"))
    refused(grpc.StatusCode.INVALID_ARGUMENT, 10001, lambda: move("gone"), "status")
    return made


def errors(made):
    wrong, missing = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
    failed = grpc.StatusCode.FAILED_PRECONDITION
    for request, field in [
        (order(user=0), "user_id"),
        (order(user=-7), "user_id"),
        (pb.CreateOrderRequest(user_id=USER), "items"),
        (order(0), "items[0].quantity"),
        (order(-1), "items[0].quantity"),
        (order(product=0), "items[0].product_id"),
        (order(sku_id=-1), "items[0].sku_id"),
        (order(price=-1), "items[0].price"),
        (order(price=99.999), "items[0].price"),
        (order(price=float("nan")), "items[0].price"),
        (order(price=float("inf")), "items[0].price"),
        (order(price=1.0), "items[0].price"),
        (order(product_name="n" * 201), "items[0].product_name"),
    ]:
        refused(wrong, 10001, lambda: create(request), field)
    refused(wrong, 10001, lambda: create(order(), "a,b"), "Idempotency-Key")
    refused(wrong, 20004, lambda: create(order(3), f"life-{USER}"))
    create(order(1, product=OTHER, user=USER + 1))
    refused(
        grpc.StatusCode.ALREADY_EXISTS, 20004, lambda: create(order(1, product=OTHER, user=USER + 1))
    )
    refused(failed, 30001, lambda: create(order(1, product=OTHER)))
    unknown = order(product=999_999_999)
    refused(wrong, 10001, lambda: create(unknown), "items[0].product_id")

    def detail(user, id):
        return lambda: orders.GetOrderDetail(pb.GetOrderDetailRequest(user_id=user, order_id=id))

    refused(missing, 20001, detail(USER + 1, made.order_id))
    refused(missing, 20001, detail(USER, 12345))
    refused(wrong, 10001, detail(0, made.order_id), "user_id")
    refused(wrong, 10001, detail(USER, 0), "order_id")
    for request, field in [
        (pb.ListOrdersRequest(), "user_id"),
        (pb.ListOrdersRequest(user_id=USER, page=-1), "page"),
        (pb.ListOrdersRequest(user_id=USER, page_size=101), "page_size"),
        (pb.ListOrdersRequest(user_id=USER, status="gone"), "status"),
    ]:
        refused(wrong, 10001, lambda: orders.ListOrders(request), field)
    cancel = pb.CancelOrderRequest(user_id=USER + 1, order_id=made.order_id)
    refused(missing, 20001, lambda: orders.CancelOrder(cancel))


def raw(method, message, **options):
    return channel.unary_unary(method)(message, timeout=SECONDS, **options)


def bad_calls():
    method = "/order.v1.OrderService/ListOrders"
    good = pb.ListOrdersRequest(user_id=USER).SerializeToString()
    # Field 99, which is unknown, is skipped.
    assert raw(method, good + b"\x9a\x06\x01x") == raw(method, good)
    invalid, unserved = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED
    refused(invalid, 10001, lambda: raw(method, b"\xff\xff\xff"))
    large = grpc.StatusCode.RESOURCE_EXHAUSTED
    refused(large, 10001, lambda: raw("/order.v1.OrderService/CreateOrder", b"\x00" * 70_000))
    refused(large, 10001, lambda: raw("/order.v1.OrderService/CreateOrder", b"\x00" * 3_000_000))
    refused(unserved, 10007, lambda: raw("/order.v1.OrderService/Nothing", good))
    refused(unserved, 10007, lambda: raw("/order.v9.OrderService/ListOrders", good))
    refused(unserved, 10001, lambda: raw("/v1/order/create", good))
    refused(unserved, 10001, lambda: raw("/v1/order/list", good))


def health():
    check = "/grpc.health.v1.Health/Check"
    serving = b"\x08\x01"
    for service in [b"", b"\n\x15order.v1.OrderService", b"\n\x1dinventory.v1.InventoryService"]:
        assert raw(check, service) == serving, service
    refused(grpc.StatusCode.NOT_FOUND, 10001, lambda: raw(check, b"\n\x01x"))
    watch = channel.unary_stream("/grpc.health.v1.Health/Watch")
    refused(grpc.StatusCode.UNIMPLEMENTED, 10007, lambda: list(watch(b"", timeout=SECONDS)))


def cancelled_calls():
    """A call that its client gives up makes one order or none, and its repeat gives that one."""
    for number in range(8):
        key = [("idempotency-key", f"cancelled-{USER}-{number}")]
        request = order(1, user=USER + 2)
        orders.CreateOrder.future(request, timeout=SECONDS, metadata=key).cancel()
        made = set()
        while len(made) == 0:
            try:
                made.add(orders.CreateOrder(request, timeout=SECONDS, metadata=key).order_id)
            except grpc.RpcError as failure:
                # The first is still under way.
                assert failure.code() == grpc.StatusCode.ABORTED, failure
        made.add(orders.CreateOrder(request, timeout=SECONDS, metadata=key).order_id)
        assert len(made) == 1, made
        id = made.pop()
        orders.CancelOrder(pb.CancelOrderRequest(user_id=USER + 2, order_id=id), timeout=SECONDS)
    listed = orders.ListOrders(pb.ListOrdersRequest(user_id=USER + 2), timeout=SECONDS)
    assert listed.total == 8, listed.total


def idle_stream():
    """A stream whose client sends no more is ended by the server, though the client would wait for ever."""

    def one_request():
        yield b"\x3a\x00"
        threading.Event().wait()

    reflect = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
    answers = reflect(one_request())
    assert b"order.v1.OrderService" in next(answers)
    refused(grpc.StatusCode.DEADLINE_EXCEEDED, 10005, lambda: next(answers))


ended = []
idle = threading.Thread(target=lambda: ended.append(idle_stream()), daemon=True)
idle.start()
made = life()
errors(made)
bad_calls()
health()
cancelled_calls()
idle.join(60)
assert ended == [None], "the idle stream did not end as it should"
print(made.order_id)
