//! Who calls by a signature (docs/decisions/0025). The cheapest checks come first, and each step is bounded: the header
//! has at most 1 KB, the body 64 KB. A nonce is stored only for a signature that is right, so that strangers cannot
//! fill Redis.

use super::{Caller, Settings};
use crate::http::Call;
use crate::redis::Redis;
use crate::{Fault, clock, config};
use auth::signature::{Refused, Signature, Signed};
use contract::api::identity::hash;
use contract::api::route::access::Access;
use contract::store::redis as keys;
use domain::Rejection;
use domain::hex::hex;
use domain::limits::SIGNATURE_NONCE_MS;

/// One refusal for what is forged, malformed, or of an unknown key.
pub(super) const INVALID: Rejection = Rejection::Signature("is not valid");

/// The machine that signed the request, if it may ask for an operation with this access.
///
/// # Errors
/// Where the signature is refused or its machine has another role, the body cannot be read, or Redis is away.
pub(super) async fn admit(
    settings: &Settings,
    access: Access,
    line: &[u8],
    call: &mut Call,
) -> Result<Caller, Fault> {
    let signature = Signature::parse(line).map_err(refused)?;
    signature.check_time(seconds()).map_err(refused)?;
    let machine = settings.machines.named(signature.key).ok_or(INVALID)?;
    let body = call.kept_body().await?;
    let request = Signed {
        method: call.method(),
        path: call.path(),
        query: call.raw_query(),
        body: &body,
    };
    // By the time at which the body was whole: one that comes slowly outlives what is known of its nonce.
    let verified = signature.verify(&machine.key, &request, seconds());
    verified.map_err(refused)?;
    let caller = Caller::Machine {
        name: machine.key.name().to_owned(),
        role: machine.role,
    };
    caller.admitted_by(access)?;
    use_once(machine.key.name(), signature.nonce).await?;
    Ok(caller)
}

fn refused(reason: Refused) -> Rejection {
    match reason {
        Refused::Invalid => INVALID,
        Refused::Time => Rejection::Signature("is too old or too new"),
    }
}

/// Stores a nonce of a key, unless it is stored.
async fn use_once(key: &str, nonce: &str) -> Result<(), Fault> {
    let redis = Redis::open(&config::required("redis_url").await?).await?;
    let place = keys::signature_nonce(key, &hex(&hash(&[nonce.as_bytes()])));
    let kept = SIGNATURE_NONCE_MS.to_string();
    let arguments = [place.as_str(), "1", "NX", "PX", &kept];
    let arguments = arguments.map(|argument| argument.as_bytes().to_vec());
    let answer = redis.command("SET", arguments).await?;
    match answer.text(0) {
        Some(_) => Ok(()),
        None => Err(Rejection::Signature("was used before").into()),
    }
}

/// Since 1970, by this machine's clock.
fn seconds() -> u64 {
    clock::now() / 1_000
}
