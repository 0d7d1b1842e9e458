"""The life of held units, and every error, by a client that grpcio's tools generated from `proto/`.

usage: holds.py ADDRESS ORDER PRODUCT; the product has 10 units, and the order is another system's, as is the next."""

import sys

import grpc
from calls import ADMIN, SECONDS, refused
from inventory.v1 import inventory_pb2 as pb
from inventory.v1 import inventory_pb2_grpc

ADDRESS, ORDER, PRODUCT = sys.argv[1], *map(int, sys.argv[2:4])
inventory = inventory_pb2_grpc.InventoryServiceStub(grpc.insecure_channel(ADDRESS))


def stock():
    shown = inventory.GetStock(pb.GetStockRequest(product_id=PRODUCT), timeout=SECONDS)
    return shown.available_stock, shown.locked_stock


def hold(quantity, key, product=PRODUCT, sku=0):
    request = pb.PreDeductStockRequest(product_id=product, sku_id=sku, quantity=quantity)
    metadata = [ADMIN, ("idempotency-key", key)] if key else [ADMIN]
    return inventory.PreDeductStock(request, timeout=SECONDS, metadata=metadata)


def confirm(quantity, message, order=ORDER, key=None):
    request = pb.ConfirmDeductStockRequest(
        message_id=message, order_id=order, product_id=PRODUCT, quantity=quantity
    )
    metadata = [ADMIN, ("idempotency-key", key)] if key else [ADMIN]
    return inventory.ConfirmDeductStock(request, timeout=SECONDS, metadata=metadata)


def roll_back(quantity, order=ORDER):
    request = pb.RollbackStockRequest(order_id=order, product_id=PRODUCT, quantity=quantity)
    return inventory.RollbackStock(request, timeout=SECONDS, metadata=[ADMIN])


wrong, failed = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION
key, message = f"hold-{ORDER}", f"message-{ORDER}"

assert stock() == (10, 0), stock()
for _ in range(2):
    assert hold(4, key).success
    assert stock() == (6, 4), stock()
refused(wrong, 20004, lambda: hold(3, key))
short = hold(7, f"{key}-more")
assert not short.success and short.message, short
for quantity, product, sku, field in [
    (0, PRODUCT, 0, "quantity"),
    (-1, PRODUCT, 0, "quantity"),
    (1, 0, 0, "product_id"),
    (1, PRODUCT, -1, "sku_id"),
]:
    refused(wrong, 10001, lambda: hold(quantity, None, product, sku), field)
refused(grpc.StatusCode.NOT_FOUND, 30003, lambda: hold(1, None, 999_999_999))

refused(failed, 30005, lambda: confirm(1, f"{message}-none", ORDER + 1, "no-such-hold"))
refused(wrong, 10001, lambda: confirm(4, ""), "message_id")
refused(wrong, 10001, lambda: confirm(4, message, 0), "order_id")
for _ in range(2):
    assert confirm(4, message, key=key).success
    assert stock() == (6, 0), stock()
refused(wrong, 20004, lambda: confirm(3, message, key=key))
refused(failed, 20005, lambda: confirm(4, f"{message}-again", key=key))

refused(wrong, 10001, lambda: roll_back(3), "quantity")
for _ in range(2):
    assert roll_back(4).success
    assert stock() == (10, 0), stock()

assert hold(2, f"{key}-given-back").success
assert roll_back(2, ORDER + 1).success
refused(failed, 20005, lambda: confirm(2, f"{message}-late", ORDER + 1))
assert stock() == (10, 0), stock()
