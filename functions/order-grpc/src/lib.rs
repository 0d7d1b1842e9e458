//! `order.v1.OrderService`: the orders of the HTTP routes, for gRPC clients.

use proto::order::v1 as pb;
use proto::order::v1::order_service_server::{OrderService, OrderServiceServer};
use tonic::{Request, Response, Status};

grpc::function!(answer);

async fn answer(call: grpc::Request) -> grpc::Response {
    let server = OrderServiceServer::new(Orders);
    grpc::serve(
        server.max_decoding_message_size(grpc::MESSAGE_BYTES_MAX),
        call,
    )
    .await
}

struct Orders;

#[tonic::async_trait]
impl OrderService for Orders {
    async fn create_order(
        &self,
        _: Request<pb::CreateOrderRequest>,
    ) -> Result<Response<pb::CreateOrderResponse>, Status> {
        Err(Status::unimplemented("CreateOrder is not served yet"))
    }

    async fn get_order_detail(
        &self,
        _: Request<pb::GetOrderDetailRequest>,
    ) -> Result<Response<pb::GetOrderDetailResponse>, Status> {
        Err(Status::unimplemented("GetOrderDetail is not served yet"))
    }

    async fn list_orders(
        &self,
        _: Request<pb::ListOrdersRequest>,
    ) -> Result<Response<pb::ListOrdersResponse>, Status> {
        Err(Status::unimplemented("ListOrders is not served yet"))
    }

    async fn cancel_order(
        &self,
        _: Request<pb::CancelOrderRequest>,
    ) -> Result<Response<pb::CancelOrderResponse>, Status> {
        Err(Status::unimplemented("CancelOrder is not served yet"))
    }

    async fn update_order_status(
        &self,
        _: Request<pb::UpdateOrderStatusRequest>,
    ) -> Result<Response<pb::UpdateOrderStatusResponse>, Status> {
        Err(Status::unimplemented("UpdateOrderStatus is not served yet"))
    }
}
