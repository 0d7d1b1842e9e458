//! Bodies of logging in: names, passwords and tokens. None of them is ever in an error or a log.

use crate::api::body;
use crate::api::problem::Code;
use domain::limits::{
    LOGIN_NAME_CHARS_MAX, LOGIN_NAME_CHARS_MIN, PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN,
};
use domain::{Rejection, Role};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::fmt;

/// Body of a login.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoginRequest {
    /// 3 to 64 letters, digits and `.` `_` `@` `+` `-`; compared without case.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = r"^[A-Za-z0-9._@+-]{3,64}$"))]
    username: Option<String>,
    /// Up to 256 bytes.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password, min_length = 1, max_length = 64))]
    password: Option<Secret>,
}

/// Body of a registration.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegisterRequest {
    /// 3 to 64 letters, digits and `.` `_` `@` `+` `-`; compared without case.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = r"^[A-Za-z0-9._@+-]{3,64}$"))]
    username: Option<String>,
    /// 8 characters or more, and up to 256 bytes.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Password, min_length = 8, max_length = 64))]
    password: Option<Secret>,
}

/// Body that names a session.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefreshRequest {
    /// The last one of the session.
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1))]
    refresh_token: Option<Secret>,
}

/// Text that an error about its type does not show.
struct Secret(String);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Secret(text)),
            _ => Err(D::Error::custom("must be a string")),
        }
    }
}

/// Who says to be whom.
pub struct Credentials {
    /// In lower case.
    pub name: String,
    /// As it came.
    pub password: String,
}

impl fmt::Debug for Credentials {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl LoginRequest {
    /// The credentials.
    ///
    /// # Errors
    /// Where nobody can have them; the rejection names the field.
    pub fn parse(bytes: &[u8]) -> Result<Credentials, Rejection> {
        let request: LoginRequest = body::parse(bytes)?;
        Ok(Credentials {
            name: name(request.username)?,
            password: password(request.password)?,
        })
    }
}

impl RegisterRequest {
    /// The credentials of a new user.
    ///
    /// # Errors
    /// Where they are not acceptable; the rejection names the field.
    pub fn parse(bytes: &[u8]) -> Result<Credentials, Rejection> {
        let request: RegisterRequest = body::parse(bytes)?;
        let credentials = Credentials {
            name: name(request.username)?,
            password: password(request.password)?,
        };
        new_password(&credentials.name, &credentials.password)?;
        Ok(credentials)
    }
}

impl RefreshRequest {
    /// The token, in whatever form.
    ///
    /// # Errors
    /// Where there is none.
    pub fn parse(bytes: &[u8]) -> Result<String, Rejection> {
        let request: RefreshRequest = body::parse(bytes)?;
        let token = request.refresh_token.map(|Secret(token)| token);
        let token = token.filter(|token| !token.is_empty());
        token.ok_or_else(|| Rejection::invalid("refresh_token", "is required"))
    }
}

/// A name to log in with, in lower case.
///
/// # Errors
/// Where nobody can have it; the rejection names the field.
pub fn name(name: Option<String>) -> Result<String, Rejection> {
    let name = name.ok_or_else(|| Rejection::invalid("username", "is required"))?;
    let is_char = |byte: u8| byte.is_ascii_alphanumeric() || b"._@+-".contains(&byte);
    let is_long = (LOGIN_NAME_CHARS_MIN..=LOGIN_NAME_CHARS_MAX).contains(&name.len());
    match is_long && name.bytes().all(is_char) {
        true => Ok(name.to_ascii_lowercase()),
        false => Err(Rejection::invalid(
            "username",
            format!(
                "must have {LOGIN_NAME_CHARS_MIN} to {LOGIN_NAME_CHARS_MAX} letters, digits and . _ @ + -"
            ),
        )),
    }
}

/// Checks the password of a new user.
///
/// # Errors
/// Where it is not acceptable; the rejection does not show it.
pub fn new_password(name: &str, password: &str) -> Result<(), Rejection> {
    if password.chars().count() < PASSWORD_CHARS_MIN || password.len() > PASSWORD_BYTES_MAX {
        return Err(Rejection::invalid(
            "password",
            format!(
                "must have {PASSWORD_CHARS_MIN} characters or more, and at most {PASSWORD_BYTES_MAX} bytes"
            ),
        ));
    }
    match password.eq_ignore_ascii_case(name) {
        true => Err(Rejection::invalid("password", "must not be the user name")),
        false => Ok(()),
    }
}

fn password(password: Option<Secret>) -> Result<String, Rejection> {
    let password = password.map(|Secret(password)| password);
    let password = password.filter(|password| !password.is_empty());
    let password = password.ok_or_else(|| Rejection::invalid("password", "is required"))?;
    match password.len() <= PASSWORD_BYTES_MAX {
        true => Ok(password),
        false => Err(Rejection::invalid(
            "password",
            format!("must have at most {PASSWORD_BYTES_MAX} bytes"),
        )),
    }
}

/// Reply with the tokens of a session.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoggedIn {
    /// Always 10000.
    #[cfg_attr(feature = "openapi", schema(example = 10000))]
    pub code: u32,
    /// To be sent as `Authorization: Bearer`.
    pub access_token: String,
    /// Always `Bearer`.
    #[cfg_attr(feature = "openapi", schema(example = "Bearer"))]
    pub token_type: &'static str,
    /// Seconds for which the access token is valid.
    #[cfg_attr(feature = "openapi", schema(example = 7200))]
    pub expires_in: u64,
    /// For the next access token; valid once.
    pub refresh_token: String,
    /// Seconds for which the refresh token is valid.
    #[cfg_attr(feature = "openapi", schema(example = 604800))]
    pub refresh_expires_in: u64,
    /// Id of the user, as orders have it.
    #[cfg_attr(feature = "openapi", schema(example = "10001"))]
    pub user_id: String,
    /// `user`, `admin` or `ops`.
    #[cfg_attr(feature = "openapi", schema(example = "user"))]
    pub role: &'static str,
}

/// A session and its user, as far as the reply shows them.
pub struct Session {
    /// Signed.
    pub access_token: String,
    /// Seconds.
    pub access_seconds: u64,
    /// The next one.
    pub refresh_token: String,
    /// Seconds.
    pub refresh_seconds: u64,
    /// Number of the user.
    pub user: u64,
    /// Of the user, at this moment.
    pub role: Role,
}

impl From<Session> for LoggedIn {
    fn from(session: Session) -> LoggedIn {
        LoggedIn {
            code: Code::Success.number(),
            access_token: session.access_token,
            token_type: "Bearer",
            expires_in: session.access_seconds,
            refresh_token: session.refresh_token,
            refresh_expires_in: session.refresh_seconds,
            user_id: session.user.to_string(),
            role: session.role.name(),
        }
    }
}

/// Reply of a logout.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoggedOut {
    /// Always 10000.
    #[cfg_attr(feature = "openapi", schema(example = 10000))]
    pub code: u32,
    /// Always true.
    pub success: bool,
}

impl Default for LoggedOut {
    fn default() -> LoggedOut {
        LoggedOut {
            code: Code::Success.number(),
            success: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field<T>(read: Result<T, Rejection>) -> String {
        match read {
            Err(Rejection::Invalid { field, reason }) => {
                assert!(!reason.contains("s3cret"), "{reason}");
                field
            }
            Err(other) => panic!("{other:?}"),
            Ok(_) => "none".to_owned(),
        }
    }

    #[test]
    fn credentials() {
        let read = |body: &str| LoginRequest::parse(body.as_bytes());
        let known = read(r#"{"userName":"Alice@Shop.example","password":" s3cret "}"#).unwrap();
        assert_eq!(
            (&known.name[..], &known.password[..]),
            ("alice@shop.example", " s3cret ")
        );
        assert!(!format!("{known:?}").contains("s3cret"));
        for (body, wrong) in [
            (r#"{"password":"s3cret"}"#, "username"),
            (r#"{"username":"al","password":"s3cret"}"#, "username"),
            (r#"{"username":"al ice","password":"s3cret"}"#, "username"),
            (r#"{"username":"älice","password":"s3cret"}"#, "username"),
            (r#"{"username":7000,"password":"s3cret"}"#, "username"),
            (r#"{"username":"alice"}"#, "password"),
            (r#"{"username":"alice","password":""}"#, "password"),
            (r#"{"username":"alice","password":["s3cret"]}"#, "password"),
            (
                r#"{"username":"alice","password":null,"password":"s3cret"}"#,
                "body",
            ),
            ("", "body"),
        ] {
            assert_eq!(field(read(body)), wrong, "{body}");
        }
        let long = format!(r#"{{"username":"alice","password":"{}"}}"#, "x".repeat(257));
        assert_eq!(field(read(&long)), "password");
    }

    #[test]
    fn new_passwords() {
        let read = |name: &str, password: &str| {
            let body = serde_json::json!({"username": name, "password": password});
            field(RegisterRequest::parse(body.to_string().as_bytes()))
        };
        assert_eq!(read("alice", "12345678"), "none");
        assert_eq!(read("alice", "一二三四五六七八"), "none");
        assert_eq!(read("alice", "s3cret7"), "password", "too short");
        assert_eq!(read("alice.smith", "ALICE.smith"), "password", "the name");
        let longest = "一".repeat(85);
        assert_eq!(read("alice", &longest), "none");
        assert_eq!(read("alice", &format!("{longest}xx")), "password");
    }
}
