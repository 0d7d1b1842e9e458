//! Requests and replies between the host (`host::http`) and a function, and the error replies of faults.

pub(crate) mod call;
mod reply;

use crate::Fault;
use crate::log::{self, Level};
use crate::shape::Shape;
use contract::api::order::Envelope;
use contract::api::problem::Problem;

/// The one status without a body and its headers.
const NOT_MODIFIED: u16 = 304;

pub use crate::host::http::send;
pub use call::Call;
pub use reply::Reply;

/// What a reply needs of a call that its handler has consumed.
pub(crate) struct Kept {
    trace_id: String,
    shape: Shape,
}

impl Kept {
    pub(crate) fn of(call: &Call) -> Kept {
        Kept {
            trace_id: call.trace_id.clone(),
            shape: Shape::of(call.path()),
        }
    }

    /// The handler's reply, or the error reply of its fault: in the common shape, on the demo's routes in theirs.
    pub(crate) fn reply(self, outcome: Result<Reply, Fault>) -> Reply {
        match outcome {
            Ok(reply) => reply,
            Err(fault) => {
                log(&fault, &self.trace_id);
                let problem = fault.problem();
                let reply = Reply::problem(&problem, &self.trace_id);
                if self.shape == Shape::Envelope {
                    enveloped(&problem, reply)
                } else {
                    reply
                }
            }
        }
    }
}

/// The demo's clients read `{code, message, data}`, with code = HTTP status.
fn enveloped(problem: &Problem, reply: Reply) -> Reply {
    let body = serde_json::to_vec(&Envelope::failure(problem)).unwrap_or_default();
    Reply { body, ..reply }
}

/// Logs a fault, unless it is the caller's own.
pub fn log(fault: &Fault, trace_id: &str) {
    let level = match fault {
        Fault::Rejected(_) => return,
        Fault::Unavailable { .. } => Level::Warn,
        Fault::Internal(_) => Level::Error,
    };
    log::write(level, &fault.to_string(), &[("trace_id", trace_id)]);
}
