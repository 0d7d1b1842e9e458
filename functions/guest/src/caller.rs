//! Who calls: decided here, from the header `authorization` alone, before a function sees the request: an access token
//! or a machine's signature. In mode `compat` whoever the request names is trusted. docs/decisions/0023 and 0025.

mod signed;

use crate::http::Call;
use crate::{Fault, clock, config, random};
use auth::keys::Machines;
use auth::{Claims, Keys, Scope, signature, token};
use contract::api::identity;
use contract::api::route::access::{Access, Proof};
use domain::{Rejection, Role, User};
use http_rules::caller::{ADDRESS_HEADER, Mode, ROLE_HEADER, VARIABLE, is_loopback};
use std::sync::OnceLock;

/// Header that says who calls.
const AUTHORIZATION: &str = "authorization";
/// Variable with the keys of access tokens.
const KEYS: &str = "auth_keys";
/// Variable with the keys of machines.
const MACHINES: &str = "machine_keys";
/// The issuer and the audience of tokens, where no variable says another.
const SCOPE: &str = "flashorder";

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nobody was asked: the operation is everybody's.
    Anyone,
    /// By an access token.
    Known {
        /// The token's subject.
        user: User,
        /// The token's.
        role: Role,
    },
    /// A service, by its signature of this request.
    Machine {
        /// The name of its key.
        name: String,
        /// The key's.
        role: Role,
    },
    /// Whoever the request names, in mode `compat`.
    Trusted {
        /// As a program on the same machine says, else a user's.
        role: Role,
    },
}

impl Caller {
    /// The role; that of a user where nobody was asked.
    pub fn role(&self) -> Role {
        match self {
            Caller::Anyone => Role::User,
            Caller::Known { role, .. }
            | Caller::Machine { role, .. }
            | Caller::Trusted { role } => *role,
        }
    }

    /// Checks that the caller may ask for an operation with this access.
    fn admitted_by(&self, access: Access) -> Result<(), Rejection> {
        let by = match self {
            Caller::Known { .. } => Proof::Token,
            Caller::Machine { .. } => Proof::Signature,
            Caller::Anyone | Caller::Trusted { .. } => Proof::Trust,
        };
        match access.admits(self.role(), by) {
            true => Ok(()),
            false => Err(Rejection::AnotherRole),
        }
    }

    /// The user whom the request is about: the caller, unless a role of the staff names somebody. `None`: nobody is
    /// named.
    ///
    /// # Errors
    /// Where a user names another one.
    pub fn acting_for(&self, named: Option<User>) -> Result<Option<User>, Rejection> {
        match (self, named) {
            (Caller::Known { user, role }, named) if *role == Role::User => match named {
                Some(other) if other.id != user.id => Err(Rejection::AnotherUser),
                // In the spelling of the request.
                Some(same) => Ok(Some(same)),
                None => Ok(Some(user.clone())),
            },
            (_, named) => Ok(named),
        }
    }
}

struct Settings {
    mode: Mode,
    keys: Keys,
    machines: Machines,
    issuer: String,
    audience: String,
}

impl Settings {
    fn scope(&self) -> Scope<'_> {
        Scope {
            issuer: &self.issuer,
            audience: &self.audience,
        }
    }
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();

/// Reads the variables, once per instance.
///
/// # Errors
/// Where one is missing or wrong. No key is shown.
async fn settings() -> Result<&'static Settings, Fault> {
    if let Some(settings) = SETTINGS.get() {
        return Ok(settings);
    }
    let mode = config::optional(VARIABLE).await?.unwrap_or_default();
    let mode = Mode::parse(&mode).ok_or_else(|| {
        Fault::Internal(format!("variable {VARIABLE} is neither strict nor compat"))
    })?;
    let keys = config::optional(KEYS).await?.unwrap_or_default();
    let keys = Keys::parse(&keys)
        .map_err(|reason| Fault::Internal(format!("variable {KEYS} {reason}")))?;
    let machines = config::optional(MACHINES).await?.unwrap_or_default();
    let machines = Machines::parse(&machines)
        .map_err(|reason| Fault::Internal(format!("variable {MACHINES} {reason}")))?;
    let issuer = config::optional("auth_issuer").await?;
    let audience = config::optional("auth_audience").await?;
    let settings = Settings {
        mode,
        keys,
        machines,
        issuer: issuer.unwrap_or_else(|| SCOPE.to_owned()),
        audience: audience.unwrap_or_else(|| SCOPE.to_owned()),
    };
    Ok(SETTINGS.get_or_init(|| settings))
}

/// How callers are known.
///
/// # Errors
/// Where a variable is missing or wrong.
pub(crate) async fn mode() -> Result<Mode, Fault> {
    settings().await.map(|settings| settings.mode)
}

/// What issues access tokens.
pub struct Issuer {
    settings: &'static Settings,
}

/// The issuer of the tokens that are accepted here.
///
/// # Errors
/// Where a variable is missing or wrong.
pub async fn issuer() -> Result<Issuer, Fault> {
    settings().await.map(|settings| Issuer { settings })
}

impl Issuer {
    /// The keys that sign.
    pub fn keys(&self) -> &'static Keys {
        &self.settings.keys
    }

    /// An access token for a user, by its number, that is valid for some seconds from now.
    ///
    /// # Errors
    /// Where there are no random bytes for its name.
    pub fn token(&self, user: u64, role: Role, seconds: u64) -> Result<String, Fault> {
        let now = clock::now() / 1_000;
        let claims = Claims {
            subject: user.to_string(),
            role,
            issued_at: now,
            expires_at: now + seconds,
            id: random::nonce()?,
        };
        token::sign(&self.settings.keys, self.settings.scope(), &claims)
            .map_err(|reason| Fault::Internal(format!("an access token {reason}")))
    }
}

/// Checks that callers can be known.
///
/// # Errors
/// Where a variable is missing or wrong.
pub(crate) async fn check() -> Result<(), Fault> {
    settings().await.map(drop)
}

/// Who asks over HTTP, if the caller may ask for an operation with this access. Of a signed request the body is read,
/// and left to its reader.
///
/// # Errors
/// Where the caller is not known, or has another role; where a variable is missing or wrong, or Redis is away for a
/// signature.
pub(crate) async fn admit(access: Access, call: &mut Call) -> Result<Caller, Fault> {
    if access == Access::Anyone {
        return Ok(Caller::Anyone);
    }
    let settings = settings().await?;
    let lines = call.header_lines(AUTHORIZATION);
    if lines.iter().any(|line| signature::is_meant(line)) {
        let [line] = &lines[..] else {
            return Err(signed::INVALID.into());
        };
        return signed::admit(settings, access, line, call).await;
    }
    without_signature(settings, access, &lines, |name| call.header_lines(name))
}

/// Who makes a gRPC call, if the caller may make one with this access. `lines`: of a request header, as they came.
///
/// # Errors
/// Where the caller is not known, or has another role; where a variable is missing or wrong. A signature is refused:
/// what is signed is a request with its whole body, and calls are read as they come.
pub async fn admit_call(
    access: Access,
    lines: impl Fn(&'static str) -> Vec<Vec<u8>>,
) -> Result<Caller, Fault> {
    if access == Access::Anyone {
        return Ok(Caller::Anyone);
    }
    let settings = settings().await?;
    let of_caller = lines(AUTHORIZATION);
    if of_caller.iter().any(|line| signature::is_meant(line)) {
        return Err(Rejection::Signature("is not taken over gRPC").into());
    }
    without_signature(settings, access, &of_caller, lines)
}

fn without_signature(
    settings: &Settings,
    access: Access,
    of_caller: &[Vec<u8>],
    lines: impl Fn(&'static str) -> Vec<Vec<u8>>,
) -> Result<Caller, Fault> {
    let caller = match (settings.mode, by_token(settings, of_caller)) {
        (_, Ok(known)) => known,
        (Mode::Strict, Err(Rejection::NoToken)) if matches!(access, Access::Signed { .. }) => {
            return Err(Rejection::NoSignature.into());
        }
        (Mode::Strict, Err(rejection)) => return Err(rejection.into()),
        // Their clients send tokens of their own.
        (Mode::Compat, Err(_)) => Caller::Trusted {
            role: trusted_role(lines)?,
        },
    };
    caller.admitted_by(access)?;
    Ok(caller)
}

fn by_token(settings: &Settings, lines: &[Vec<u8>]) -> Result<Caller, Rejection> {
    let token = match lines {
        [] => return Err(Rejection::NoToken),
        [line] => bearer(line).ok_or(Rejection::Token("is not valid"))?,
        _ => return Err(Rejection::Token("is not valid")),
    };
    let claims = token::verify(
        &settings.keys,
        settings.scope(),
        token,
        clock::now() / 1_000,
    );
    let claims = claims.map_err(|refused| {
        Rejection::Token(match refused {
            auth::Refused::Invalid => "is not valid",
            auth::Refused::Expired => "has expired",
        })
    })?;
    let user = identity::user(&claims.subject).map_err(|_| Rejection::Token("is not valid"))?;
    Ok(Caller::Known {
        user,
        role: claims.role,
    })
}

/// The token of an `authorization` line (RFC 6750).
fn bearer(line: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = line.split_at_checked("bearer".len())?;
    let token = token.strip_prefix(b" ")?.trim_ascii();
    scheme.eq_ignore_ascii_case(b"bearer").then_some(token)
}

/// The role that a program on the same machine gives the request.
fn trusted_role(lines: impl Fn(&'static str) -> Vec<Vec<u8>>) -> Result<Role, Rejection> {
    let lines_of_role = lines(ROLE_HEADER);
    let text = match &lines_of_role[..] {
        [] => return Ok(Role::User),
        [line] => std::str::from_utf8(line).ok(),
        _ => None,
    };
    let role = text.and_then(Role::from_name);
    let role = role
        .ok_or_else(|| Rejection::invalid(ROLE_HEADER, "must be user, admin, ops or provider"))?;
    let address = lines(ADDRESS_HEADER);
    let is_own = matches!(&address[..], [line] if std::str::from_utf8(line).is_ok_and(is_loopback));
    match is_own {
        true => Ok(role),
        false => Err(Rejection::AnotherRole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_a_line() {
        for (line, token) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("BEARER a.b.c", Some("a.b.c")),
            ("Bearer", None),
            ("Bearerabc", None),
            ("Basic abc", None),
            ("", None),
        ] {
            assert_eq!(bearer(line.as_bytes()), token.map(str::as_bytes), "{line}");
        }
    }

    #[test]
    fn a_user_acts_for_itself_alone() {
        let user = |text| Some(identity::user(text).unwrap());
        let known = |role| Caller::Known {
            user: identity::user("7").unwrap(),
            role,
        };
        let machine = |role| Caller::Machine {
            name: "pay-1".to_owned(),
            role,
        };
        let shopper = known(Role::User);
        assert_eq!(shopper.acting_for(None), Ok(user("7")));
        assert_eq!(shopper.acting_for(user("user_7")), Ok(user("user_7")));
        assert_eq!(shopper.acting_for(user("8")), Err(Rejection::AnotherUser));
        for staff in [
            known(Role::Admin),
            known(Role::Ops),
            machine(Role::Provider),
            Caller::Trusted { role: Role::User },
        ] {
            assert_eq!(staff.acting_for(None), Ok(None));
            assert_eq!(staff.acting_for(user("8")), Ok(user("8")));
        }
    }
}
