//! Who calls: users log in, keep their sessions, and log out.

use super::access::Access;
use super::refusal as no;
use super::reply::{self, Reply};
use super::{Route, Tag};

/// The group.
pub const TAG: Tag = Tag {
    name: "login",
    description: "A user logs in with name and password, and gets an access token to call with and a refresh token to get \
                  the next one with.",
};

const REFRESH_EXAMPLE: &str =
    r#"{"refresh_token": "3Rj1x0mW5cU2q8s7Jt0aZ0Yy8eLw1fB6uVd9kQnTgHr4oPzXiCbMhEjKlNvSaGtF"}"#;

/// Of the group.
pub const ROUTES: &[Route] = &[
    Route::post("/v1/auth/login", "login")
        .by(Access::Anyone)
        .about(
            "Log in",
            "Begins a session. A user may have several; the oldest ends where there are too many.",
        )
        .takes(
            "LoginRequest",
            r#"{"username": "alice", "password": "correct horse battery"}"#,
        )
        .gives(&[Reply::json(200, "LoggedIn", "The tokens of a new session.").with(reply::MOMENTARY)])
        .refuses(&[no::WRONG_PASSWORD, no::LOGIN_LIMITED, no::NO_LOGIN])
        .tagged(TAG),
    Route::post("/v1/auth/refresh", "refreshLogin")
        .by(Access::Anyone)
        .about(
            "Get the next access token",
            "The answer has the next refresh token too; the one that was sent is used up. A repeat within half a minute, \
             whose answer was lost, gets the same again; later it ends the session, as somebody else may have the token.",
        )
        .takes("RefreshRequest", REFRESH_EXAMPLE)
        .gives(&[Reply::json(200, "LoggedIn", "The session's next tokens.").with(reply::MOMENTARY)])
        .refuses(&[no::REFRESH, no::NO_LOGIN])
        .tagged(TAG),
    Route::post("/v1/auth/logout", "logout")
        .by(Access::Anyone)
        .about(
            "Log out",
            "Ends the session of the refresh token; its access token stays valid until it expires. May be repeated: a \
             token of no session is no error.",
        )
        .takes("RefreshRequest", REFRESH_EXAMPLE)
        .gives(&[Reply::json(200, "LoggedOut", "There is no such session now.").with(reply::MOMENTARY)])
        .refuses(&[no::NO_LOGIN])
        .tagged(TAG),
    Route::post("/v1/auth/register", "register")
        .by(Access::Anyone)
        .about(
            "Become a user",
            "Where the operator takes new users. The user is logged in with it.",
        )
        .takes(
            "RegisterRequest",
            r#"{"username": "alice", "password": "correct horse battery"}"#,
        )
        .gives(&[Reply::json(201, "LoggedIn", "The tokens of the new user's first session.").with(reply::MOMENTARY)])
        .refuses(&[
            no::REGISTRATION,
            no::USER_EXISTS,
            no::LOGIN_LIMITED,
            no::NO_LOGIN,
        ])
        .tagged(TAG),
];
