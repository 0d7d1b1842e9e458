//! What gRPC clients expect of every server: `grpc.health.v1.Health`, and `grpc.reflection.v1.ServerReflection` with its
//! older name. One component answers for all services, as they share their port; its streams hold no instance of those.

mod health;
mod index;
mod reflection;

use health::Readiness;
use proto::grpc::health::v1::health_server::{HealthServer, SERVICE_NAME as HEALTH};
use proto::grpc::reflection::v1::server_reflection_server::{
    SERVICE_NAME as REFLECTION, ServerReflectionServer,
};
use proto::grpc::reflection::v1alpha::server_reflection_server::{
    SERVICE_NAME as OLD_REFLECTION, ServerReflectionServer as OldServerReflectionServer,
};
use reflection::Reflection;

grpc::function!(answer);

async fn answer(call: grpc::Request) -> grpc::Response {
    let service = call.uri().path().split('/').nth(1).unwrap_or_default();
    match service {
        HEALTH => {
            let server = HealthServer::new(Readiness);
            let server = server.max_decoding_message_size(grpc::MESSAGE_BYTES_MAX);
            grpc::serve(server, call).await
        }
        REFLECTION => {
            let server = ServerReflectionServer::new(Reflection);
            let server = server.max_decoding_message_size(grpc::MESSAGE_BYTES_MAX);
            grpc::serve(server, call).await
        }
        OLD_REFLECTION => {
            let server = OldServerReflectionServer::new(Reflection);
            let server = server.max_decoding_message_size(grpc::MESSAGE_BYTES_MAX);
            grpc::serve(server, call).await
        }
        _ => grpc::unknown_service(),
    }
}
