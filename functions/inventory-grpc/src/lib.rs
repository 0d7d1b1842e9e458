//! `inventory.v1.InventoryService`: the stock of products, for gRPC clients.

use proto::inventory::v1 as pb;
use proto::inventory::v1::inventory_service_server::{InventoryService, InventoryServiceServer};
use tonic::{Request, Response, Status};

grpc::function!(answer);

async fn answer(call: grpc::Request) -> grpc::Response {
    let server = InventoryServiceServer::new(Inventory);
    grpc::serve(
        server.max_decoding_message_size(grpc::MESSAGE_BYTES_MAX),
        call,
    )
    .await
}

struct Inventory;

#[tonic::async_trait]
impl InventoryService for Inventory {
    async fn get_stock(
        &self,
        _: Request<pb::GetStockRequest>,
    ) -> Result<Response<pb::GetStockResponse>, Status> {
        Err(Status::unimplemented("GetStock is not served yet"))
    }

    async fn pre_deduct_stock(
        &self,
        _: Request<pb::PreDeductStockRequest>,
    ) -> Result<Response<pb::PreDeductStockResponse>, Status> {
        Err(Status::unimplemented("PreDeductStock is not served yet"))
    }

    async fn confirm_deduct_stock(
        &self,
        _: Request<pb::ConfirmDeductStockRequest>,
    ) -> Result<Response<pb::ConfirmDeductStockResponse>, Status> {
        Err(Status::unimplemented(
            "ConfirmDeductStock is not served yet",
        ))
    }

    async fn rollback_stock(
        &self,
        _: Request<pb::RollbackStockRequest>,
    ) -> Result<Response<pb::RollbackStockResponse>, Status> {
        Err(Status::unimplemented("RollbackStock is not served yet"))
    }
}
