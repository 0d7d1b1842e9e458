//! Logging in, and what keeps a user logged in: access tokens for calls, refresh tokens for the next access token
//! (docs/decisions/0024).

mod attempts;
mod sessions;
mod settings;
mod users;

use auth::password::{self, Verdict};
use contract::api::login::{
    Credentials, LoggedIn, LoggedOut, LoginRequest, RefreshRequest, RegisterRequest, Session,
};
use domain::Rejection;
use domain::limits::REFRESH_TOKEN_MS;
use guest::log::{self, Level};
use guest::{Call, Fault, Reply, caller};
use sessions::Tokens;
use settings::{Settings, settings};
use users::User;

guest::http_function!(answer);

async fn answer(mut call: Call) -> Result<Reply, Fault> {
    if call.method() != "POST" {
        return Err(Rejection::MethodNotAllowed.into());
    }
    let segments = call.segments();
    let body = call.json_body().await?;
    let reply = match segments.last().map(String::as_str) {
        Some("login") => {
            let (credentials, settings) = (LoginRequest::parse(&body)?, settings().await?);
            let user = known(settings, &call, credentials).await?;
            logged_in(
                settings,
                200,
                &user,
                sessions::begin(settings, user.id).await?,
            )
            .await
        }
        Some("register") => {
            let (credentials, settings) = (RegisterRequest::parse(&body)?, settings().await?);
            let user = registered(settings, &call, credentials).await?;
            logged_in(
                settings,
                201,
                &user,
                sessions::begin(settings, user.id).await?,
            )
            .await
        }
        Some("refresh") => {
            let (token, settings) = (RefreshRequest::parse(&body)?, settings().await?);
            let (user, tokens) = sessions::refresh(settings, &token, &call.trace_id).await?;
            logged_in(settings, 200, &user, tokens).await
        }
        Some("logout") => {
            let (token, settings) = (RefreshRequest::parse(&body)?, settings().await?);
            sessions::end(settings, &token).await?;
            Reply::of(200, &LoggedOut::default())
        }
        _ => Err(Rejection::NoRoute.into()),
    };
    Ok(reply?.with("cache-control", "no-store"))
}

/// The user with these credentials. All who are refused wait equally long.
async fn known(settings: &Settings, call: &Call, credentials: Credentials) -> Result<User, Fault> {
    attempts::from_network(settings, call).await?;
    attempts::at_account(settings, &credentials.name).await?;
    let found = users::find(settings.users(), &credentials.name).await?;
    let stored = found
        .as_ref()
        .map_or(password::NOBODY, |found| &found.password_hash);
    let verdict = password::verify(&credentials.password, stored)
        .map_err(|reason| Fault::Internal(format!("user {}: {reason}", credentials.name)))?;
    let found = found.filter(|found| !found.is_disabled);
    let (Some(found), Verdict::Right | Verdict::Old) = (found, verdict) else {
        return Err(Rejection::WrongPassword.into());
    };
    if verdict == Verdict::Old {
        let renewed = users::set_password(settings.users(), &found, &credentials.password).await;
        if let Err(fault) = renewed {
            // The old hash goes on being valid.
            log::write(
                Level::Warn,
                &fault.to_string(),
                &[("trace_id", &call.trace_id)],
            );
        }
    }
    Ok(found.user)
}

async fn registered(
    settings: &Settings,
    call: &Call,
    credentials: Credentials,
) -> Result<User, Fault> {
    if !settings.takes_new_users {
        return Err(Rejection::RegistrationClosed.into());
    }
    attempts::from_network(settings, call).await?;
    if users::find(settings.users(), &credentials.name)
        .await?
        .is_some()
    {
        return Err(Rejection::UserExists.into());
    }
    users::add(settings.users(), &credentials).await
}

async fn logged_in(
    settings: &Settings,
    status: u16,
    user: &User,
    tokens: Tokens,
) -> Result<Reply, Fault> {
    let seconds = settings.access_seconds;
    let session = Session {
        access_token: caller::issuer().await?.token(user.id, user.role, seconds)?,
        access_seconds: seconds,
        refresh_token: tokens.refresh,
        refresh_seconds: tokens.left_ms.min(REFRESH_TOKEN_MS) / 1_000,
        user: user.id,
        role: user.role,
    };
    Reply::of(status, &LoggedIn::from(session))
}
