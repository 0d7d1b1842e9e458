"""An order whose call may take this long, by a client that grpcio's tools generated from `proto/`; prints the status.

usage: deadline.py ADDRESS USER PRODUCT KEY SECONDS"""

import sys

import grpc
from order.v1 import order_pb2 as pb
from order.v1 import order_pb2_grpc

ADDRESS, USER, PRODUCT, KEY, SECONDS = sys.argv[1:6]
orders = order_pb2_grpc.OrderServiceStub(grpc.insecure_channel(ADDRESS))
line = pb.OrderItem(product_id=int(PRODUCT), quantity=1)
order = pb.CreateOrderRequest(user_id=int(USER), items=[line])
try:
    orders.CreateOrder(order, timeout=float(SECONDS), metadata=[("idempotency-key", KEY)])
    print("OK")
except grpc.RpcError as failure:
    print(failure.code().name)
