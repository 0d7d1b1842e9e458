//! Server reflection: each request of the stream is answered as it comes, by the stream itself, since a component has
//! no tasks beside its calls.

use super::index;
use futures::StreamExt;
use proto::grpc::reflection::v1::server_reflection_request::MessageRequest as Asked;
use proto::grpc::reflection::v1::server_reflection_response::MessageResponse as Answer;
use proto::grpc::reflection::v1::server_reflection_server::ServerReflection;
use proto::grpc::reflection::v1::{
    ErrorResponse, ExtensionNumberResponse, FileDescriptorResponse, ListServiceResponse,
    ServerReflectionRequest, ServerReflectionResponse, ServiceResponse,
};
use proto::grpc::reflection::v1alpha::server_reflection_server::ServerReflection as OldServerReflection;
use tonic::codegen::BoxStream;
use tonic::{Code, Request, Response, Status, Streaming};

/// Answers from the descriptors in this component.
pub struct Reflection;

type Answers = BoxStream<ServerReflectionResponse>;

#[tonic::async_trait]
impl ServerReflection for Reflection {
    type ServerReflectionInfoStream = Answers;

    async fn server_reflection_info(
        &self,
        requests: Request<Streaming<ServerReflectionRequest>>,
    ) -> Result<Response<Answers>, Status> {
        Ok(answers(requests))
    }
}

#[tonic::async_trait]
impl OldServerReflection for Reflection {
    type ServerReflectionInfoStream = Answers;

    async fn server_reflection_info(
        &self,
        requests: Request<Streaming<ServerReflectionRequest>>,
    ) -> Result<Response<Answers>, Status> {
        Ok(answers(requests))
    }
}

fn answers(requests: Request<Streaming<ServerReflectionRequest>>) -> Response<Answers> {
    let requests = requests.into_inner();
    Response::new(Box::pin(requests.map(|request| request.map(answered))))
}

fn answered(request: ServerReflectionRequest) -> ServerReflectionResponse {
    let answer = request.message_request.as_ref().map(answer);
    ServerReflectionResponse {
        valid_host: request.host.clone(),
        message_response: Some(
            answer
                .unwrap_or_else(|| refusal(Code::InvalidArgument, "the request asks for nothing")),
        ),
        original_request: Some(request),
    }
}

fn answer(asked: &Asked) -> Answer {
    match asked {
        Asked::ListServices(_) => Answer::ListServicesResponse(ListServiceResponse {
            service: index::services()
                .map(|name| ServiceResponse {
                    name: name.to_owned(),
                })
                .collect(),
        }),
        Asked::FileByFilename(path) => file(index::file(path), path),
        Asked::FileContainingSymbol(symbol) => file(index::defining(symbol), symbol),
        Asked::FileContainingExtension(wanted) => file(None, &wanted.containing_type),
        // proto3 has no extensions.
        Asked::AllExtensionNumbersOfType(name) => match index::defining(name) {
            Some(_) => Answer::AllExtensionNumbersResponse(ExtensionNumberResponse {
                base_type_name: name.clone(),
                extension_number: Vec::new(),
            }),
            None => file(None, name),
        },
    }
}

fn file(found: Option<&[u8]>, name: &str) -> Answer {
    match found {
        Some(bytes) => Answer::FileDescriptorResponse(FileDescriptorResponse {
            file_descriptor_proto: vec![bytes.to_vec()],
        }),
        None => refusal(Code::NotFound, &format!("{name} is not known")),
    }
}

fn refusal(code: Code, message: &str) -> Answer {
    Answer::ErrorResponse(ErrorResponse {
        error_code: code.into(),
        error_message: message.to_owned(),
    })
}
