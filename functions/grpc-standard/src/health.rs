//! `grpc.health.v1.Health`: ready when `GET /ready` is. A lost server does not make it unready, since restarting would
//! not bring that server back.

use super::index;
use guest::config;
use proto::grpc::health::v1::health_check_response::ServingStatus;
use proto::grpc::health::v1::health_server::Health;
use proto::grpc::health::v1::{HealthCheckRequest, HealthCheckResponse};
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

/// Whether this component is configured, which all are alike.
pub struct Readiness;

#[tonic::async_trait]
impl Health for Readiness {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let service = &request.get_ref().service;
        if !service.is_empty() && !index::services().any(|known| known == *service) {
            return Err(Status::not_found("no such service"));
        }
        let trace_id = grpc::trace_id(request.metadata());
        let status = match config::config().await {
            Ok(_) => ServingStatus::Serving,
            Err(fault) => {
                guest::http::log(&fault, &trace_id);
                ServingStatus::NotServing
            }
        };
        let status = status.into();
        Ok(Response::new(HealthCheckResponse { status }))
    }

    type WatchStream = BoxStream<HealthCheckResponse>;

    /// A watcher would hold an instance for as long as it likes: clients ask again instead, as the protocol allows.
    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("call Check instead"))
    }
}
