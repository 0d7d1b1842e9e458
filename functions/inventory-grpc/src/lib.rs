//! `inventory.v1.InventoryService`: the stock, for systems that hold and sell units of it for orders of their own.

use contract::api::idempotency_key;
use contract::api::inventory::{HoldDraft, Variant, line, message_id};
use contract::api::problem::Problem;
use domain::Rejection;
use guest::Fault;
use guest::config::config;
use proto::inventory::v1 as pb;
use proto::inventory::v1::inventory_service_server::{InventoryService, InventoryServiceServer};
use shop::inventory::Inventory;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

grpc::unary_function!(answer);

async fn answer(call: grpc::UnaryRequest) -> grpc::Response {
    let server = InventoryServiceServer::new(Stock);
    grpc::serve_unary(
        server.max_decoding_message_size(grpc::MESSAGE_BYTES_MAX),
        call,
    )
    .await
}

struct Stock;

#[tonic::async_trait]
impl InventoryService for Stock {
    async fn get_stock(
        &self,
        request: Request<pb::GetStockRequest>,
    ) -> Result<Response<pb::GetStockResponse>, Status> {
        let trace_id = grpc::trace_id(request.metadata());
        let asked = request.get_ref();
        let answered = async {
            let variant = Variant::parse(asked.product_id, asked.sku_id)?;
            inventory(&trace_id).await?.stock(variant).await
        };
        let stock = answered
            .await
            .map_err(|fault| grpc::status(&fault, &trace_id))?;
        Ok(Response::new(pb::GetStockResponse {
            available_stock: number(stock.available),
            locked_stock: number(stock.locked),
        }))
    }

    async fn pre_deduct_stock(
        &self,
        request: Request<pb::PreDeductStockRequest>,
    ) -> Result<Response<pb::PreDeductStockResponse>, Status> {
        let trace_id = grpc::trace_id(request.metadata());
        let asked = request.get_ref();
        let answered = async {
            let draft = HoldDraft::parse(asked.product_id, asked.sku_id, asked.quantity)?;
            let key = key(request.metadata())?;
            inventory(&trace_id)
                .await?
                .hold(draft, key.as_deref())
                .await
        };
        match answered.await {
            Ok(()) => Ok(Response::new(pb::PreDeductStockResponse {
                success: true,
                message: String::new(),
            })),
            // What a caller has to expect is an answer: the response has fields for it.
            Err(Fault::Rejected(short @ Rejection::StockInsufficient { .. })) => {
                let problem = Problem::from(short);
                let mut response = Response::new(pb::PreDeductStockResponse {
                    success: false,
                    message: problem.message,
                });
                let code = problem.code.number().into();
                response.metadata_mut().insert(grpc::ERROR_CODE, code);
                Ok(response)
            }
            Err(fault) => Err(grpc::status(&fault, &trace_id)),
        }
    }

    async fn confirm_deduct_stock(
        &self,
        request: Request<pb::ConfirmDeductStockRequest>,
    ) -> Result<Response<pb::ConfirmDeductStockResponse>, Status> {
        let trace_id = grpc::trace_id(request.metadata());
        let asked = request.get_ref();
        let answered = async {
            let message = message_id(&asked.message_id)?;
            let line = line(
                asked.order_id,
                asked.product_id,
                asked.sku_id,
                asked.quantity,
            )?;
            let key = key(request.metadata())?;
            let inventory = inventory(&trace_id).await?;
            inventory.confirm(message, line, key.as_deref()).await
        };
        answered
            .await
            .map_err(|fault| grpc::status(&fault, &trace_id))?;
        let success = true;
        Ok(Response::new(pb::ConfirmDeductStockResponse { success }))
    }

    async fn rollback_stock(
        &self,
        request: Request<pb::RollbackStockRequest>,
    ) -> Result<Response<pb::RollbackStockResponse>, Status> {
        let trace_id = grpc::trace_id(request.metadata());
        let asked = request.get_ref();
        let answered = async {
            let line = line(
                asked.order_id,
                asked.product_id,
                asked.sku_id,
                asked.quantity,
            )?;
            let key = key(request.metadata())?;
            inventory(&trace_id)
                .await?
                .roll_back(line, key.as_deref())
                .await
        };
        answered
            .await
            .map_err(|fault| grpc::status(&fault, &trace_id))?;
        let success = true;
        Ok(Response::new(pb::RollbackStockResponse { success }))
    }
}

async fn inventory(trace_id: &str) -> Result<Inventory<'_>, Fault> {
    Ok(Inventory {
        config: config().await?,
        trace_id,
    })
}

/// The key of a hold.
fn key(metadata: &MetadataMap) -> Result<Option<String>, Rejection> {
    idempotency_key::of(&grpc::idempotency_keys(metadata), None)
}

fn number(units: u64) -> i32 {
    i32::try_from(units).unwrap_or(i32::MAX)
}
