//! `order.v1.OrderService`: what the routes under `/v1/order` do, for gRPC clients, by the same code.

mod change;
mod create;
mod message;
mod read;

use guest::Fault;
use proto::order::v1 as pb;
use proto::order::v1::order_service_server::{OrderService, OrderServiceServer};
use tonic::{Request, Response, Status};

grpc::unary_function!(answer);

async fn answer(call: grpc::UnaryRequest) -> grpc::Response {
    let server = OrderServiceServer::new(Orders);
    let server = server.max_decoding_message_size(grpc::MESSAGE_BYTES_MAX);
    grpc::serve_unary(server, call).await
}

struct Orders;

#[tonic::async_trait]
impl OrderService for Orders {
    async fn create_order(
        &self,
        request: Request<pb::CreateOrderRequest>,
    ) -> Result<Response<pb::CreateOrderResponse>, Status> {
        let trace_id = grpc::trace_id(request.metadata());
        answered(create::create(request, &trace_id).await, &trace_id)
    }

    async fn get_order_detail(
        &self,
        request: Request<pb::GetOrderDetailRequest>,
    ) -> Result<Response<pb::GetOrderDetailResponse>, Status> {
        let trace_id = grpc::trace_id(request.metadata());
        answered(read::one(&request, &trace_id).await, &trace_id)
    }

    async fn list_orders(
        &self,
        request: Request<pb::ListOrdersRequest>,
    ) -> Result<Response<pb::ListOrdersResponse>, Status> {
        let trace_id = grpc::trace_id(request.metadata());
        answered(read::list(&request).await, &trace_id)
    }

    async fn cancel_order(
        &self,
        request: Request<pb::CancelOrderRequest>,
    ) -> Result<Response<pb::CancelOrderResponse>, Status> {
        let trace_id = grpc::trace_id(request.metadata());
        let cancelled = change::cancel(request, &trace_id).await;
        answered(cancelled, &trace_id)
    }

    async fn update_order_status(
        &self,
        request: Request<pb::UpdateOrderStatusRequest>,
    ) -> Result<Response<pb::UpdateOrderStatusResponse>, Status> {
        let trace_id = grpc::trace_id(request.metadata());
        answered(
            change::set_status(request.get_ref(), &trace_id).await,
            &trace_id,
        )
    }
}

fn answered<T>(outcome: Result<Response<T>, Fault>, trace_id: &str) -> Result<Response<T>, Status> {
    outcome.map_err(|fault| grpc::status(&fault, trace_id))
}
