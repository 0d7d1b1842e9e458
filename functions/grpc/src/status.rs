//! A fault as the status of a call: the same code and text as over HTTP, in the trailers `x-error-code` and
//! `grpc-message`, and for programs in the standard details of Google's API errors.

use contract::api::problem::{Code as Error, Problem};
use domain::Rejection;
use guest::Fault;
use prost::Message;
use prost_types::Any;
use proto::google::rpc::{BadRequest, ErrorInfo, RetryInfo, bad_request::FieldViolation};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

pub use http_rules::grpc::ERROR_CODE;

/// Who defines the reasons of errors.
const DOMAIN: &str = "flashorder";

/// The status of a fault, which is logged unless it is the caller's own.
pub fn status(fault: &Fault, trace_id: &str) -> Status {
    guest::http::log(fault, trace_id);
    let problem = fault.problem();
    let code = code(&problem);
    let number = problem.code.number();
    let message = format!("[{number}] {}", problem.message);
    let details = proto::google::rpc::Status {
        code: code.into(),
        message: message.clone(),
        details: details(fault, &problem, trace_id),
    };
    let mut metadata = MetadataMap::new();
    metadata.insert(ERROR_CODE, number.into());
    Status::with_details_and_metadata(code, message, details.encode_to_vec().into(), metadata)
}

/// A status with its code in each place where that of a fault has it.
pub(crate) fn described(code: Code, error: Error, text: &str) -> Status {
    let number = error.number();
    let message = format!("[{number}] {text}");
    let info = info(error, &[("code", number.to_string())]);
    let details = proto::google::rpc::Status {
        code: code.into(),
        message: message.clone(),
        details: vec![packed("ErrorInfo", &info)],
    };
    let mut metadata = MetadataMap::new();
    metadata.insert(ERROR_CODE, number.into());
    Status::with_details_and_metadata(code, message, details.encode_to_vec().into(), metadata)
}

fn info(error: Error, facts: &[(&str, String)]) -> ErrorInfo {
    let facts = facts.iter();
    ErrorInfo {
        reason: reason(error),
        domain: DOMAIN.to_owned(),
        metadata: facts
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
    }
}

/// The status that gRPC has for a problem. What may succeed when it is repeated as a whole is aborted.
fn code(problem: &Problem) -> Code {
    let may_pass = problem.retry_after_ms.is_some();
    match problem.code {
        Error::Success => Code::Ok,
        Error::BadParameter if problem.status == 413 => Code::ResourceExhausted,
        Error::BadParameter => Code::InvalidArgument,
        Error::Unauthorised => Code::Unauthenticated,
        Error::Internal => Code::Internal,
        Error::RateLimited => Code::ResourceExhausted,
        Error::Unavailable => Code::Unavailable,
        Error::Forbidden | Error::SeckillToken => Code::PermissionDenied,
        Error::NotFound => Code::Unimplemented,
        Error::OrderNotFound
        | Error::ProductNotFound
        | Error::SeckillNotFound
        | Error::FailureNotFound => Code::NotFound,
        Error::StockLocked | Error::ProductChanged => Code::Aborted,
        Error::DuplicateSubmit | Error::IllegalTransition if may_pass => Code::Aborted,
        Error::DuplicateSubmit if problem.status == 422 => Code::InvalidArgument,
        Error::DuplicateSubmit | Error::PaymentUsed | Error::AlreadyBought | Error::UserExists => {
            Code::AlreadyExists
        }
        Error::AlreadyCancelled
        | Error::AlreadyPaid
        | Error::PaymentAmount
        | Error::PaymentLate
        | Error::PaymentDeclined
        | Error::IllegalTransition
        | Error::StockInsufficient
        | Error::StockNotHeld
        | Error::SoldOut
        | Error::SeckillState
        | Error::FailureState => Code::FailedPrecondition,
    }
}

fn details(fault: &Fault, problem: &Problem, trace_id: &str) -> Vec<Any> {
    let code = problem.code;
    let facts = [
        ("code", code.number().to_string()),
        ("trace_id", trace_id.to_owned()),
    ];
    let mut details = vec![packed("ErrorInfo", &info(code, &facts))];
    if let Fault::Rejected(Rejection::Invalid { field, reason }) = fault {
        let violation = FieldViolation {
            field: field.clone(),
            description: reason.clone(),
            ..FieldViolation::default()
        };
        let field_violations = vec![violation];
        details.push(packed("BadRequest", &BadRequest { field_violations }));
    }
    if let Some(ms) = problem.retry_after_ms {
        let delay = prost_types::Duration {
            seconds: i64::try_from(ms / 1_000).unwrap_or(i64::MAX),
            nanos: i32::try_from(ms % 1_000 * 1_000_000).unwrap_or_default(),
        };
        let retry_delay = Some(delay);
        details.push(packed("RetryInfo", &RetryInfo { retry_delay }));
    }
    details
}

fn packed(name: &str, message: &impl Message) -> Any {
    Any {
        type_url: format!("type.googleapis.com/google.rpc.{name}"),
        value: message.encode_to_vec(),
    }
}

/// The code's name, as reasons are written: `ORDER_NOT_FOUND`.
fn reason(code: Error) -> String {
    let mut reason = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_ascii_uppercase() && !reason.is_empty() {
            reason.push('_');
        }
        reason.push(letter.to_ascii_uppercase());
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{ProductId, SkuId};

    #[test]
    fn an_error_says_over_grpc_what_it_says_over_http() {
        let fault = Fault::from(Rejection::invalid(
            "items[0].quantity",
            "must be at least 1",
        ));
        let status = status(&fault, "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(
            status.message(),
            "[10001] items[0].quantity must be at least 1"
        );
        assert_eq!(status.metadata().get(ERROR_CODE).unwrap(), "10001");
        let details = proto::google::rpc::Status::decode(status.details()).unwrap();
        assert_eq!(details.code, 3);
        let info = ErrorInfo::decode(details.details[0].value.as_slice()).unwrap();
        assert_eq!(
            (info.reason.as_str(), info.domain.as_str()),
            ("BAD_PARAMETER", DOMAIN)
        );
        assert_eq!(info.metadata["code"], "10001");
        let bad = BadRequest::decode(details.details[1].value.as_slice()).unwrap();
        assert_eq!(bad.field_violations[0].field, "items[0].quantity");
    }

    #[test]
    fn what_may_pass_is_told_when() {
        let product = ProductId(3);
        let contended = Fault::from(Rejection::StockContended {
            product,
            sku: SkuId(0),
        });
        let status = status(&contended, "");
        assert_eq!(status.code(), Code::Aborted);
        let details = proto::google::rpc::Status::decode(status.details()).unwrap();
        let retry = RetryInfo::decode(details.details[1].value.as_slice()).unwrap();
        assert_eq!(retry.retry_delay.unwrap().seconds, 1);
    }

    #[test]
    fn what_failed_here_is_not_told() {
        let status = status(&Fault::Internal("mysql://secret".to_owned()), "");
        assert_eq!(
            (status.code(), status.message()),
            (Code::Internal, "[10003] internal error")
        );
    }
}
