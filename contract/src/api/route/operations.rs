//! Statistics, and what operators ask for.

use super::access::{Access, CALLERS, OPERATORS, STAFF};
use super::parameter::{FAILURE, PAGE, PAGE_SIZE, USER, Values, query};
use super::refusal as no;
use super::reply::{self, Reply};
use super::{Route, Tag};

/// The group of statistics.
pub const STATISTICS: Tag = Tag {
    name: "statistics",
    description: "Figures about orders.",
};
/// The group of operations.
pub const TAG: Tag = Tag {
    name: "operations",
    description: "Health, and messages that could not become orders.",
};

/// Of the group of statistics.
pub const STATISTICS_ROUTES: &[Route] = &[
    Route::get("/api/v1/stats/orders", "getDayStats")
        .by(STAFF)
        .about("Read the figures of a day", "")
        .with(&[query(
            "date",
            Values::Moment,
            "A day, UTC, such as 2024-01-31, or a moment of it in milliseconds; today by default.",
        )])
        .gives(&[Reply::json(
            200,
            "DayStats",
            "The day's orders, revenue and failures.",
        )])
        .tagged(STATISTICS),
    Route::get("/api/v1/users/{id}/stats", "getUserStats")
        .by(CALLERS)
        .about("Read the figures of a user", "")
        .with(&[USER])
        .gives(&[Reply::json(200, "UserStats", "All orders of the user.")])
        .tagged(STATISTICS),
    Route::get("/v1/dashboard/stats", "getDashboard")
        .by(STAFF)
        .about("Read today's figures and the newest orders", "")
        .gives(&[Reply::json(
            200,
            "Dashboard",
            "Today's figures, and the newest orders of all days.",
        )])
        .tagged(STATISTICS),
];

/// Of the group of operations.
pub const ROUTES: &[Route] = &[
    Route::get("/api/v1/failures", "listFailures")
        .by(OPERATORS)
        .about(
            "List messages that could not become orders, newest first",
            "",
        )
        .with(&[
            query(
                "status",
                Values::FailureStatus,
                "`pending`, `processing`, `success`, `failed`, or `all`.",
            ),
            PAGE,
            PAGE_SIZE,
        ])
        .gives(&[Reply::json(200, "Failures", "A page of failures.")])
        .tagged(TAG),
    Route::get("/api/v1/failures/{id}", "getFailure")
        .by(OPERATORS)
        .about("Read a failure", "")
        .with(&[FAILURE])
        .gives(&[Reply::json(200, "FailureReply", "The failure.")])
        .refuses(&[no::UNKNOWN_FAILURE])
        .tagged(TAG),
    Route::post("/api/v1/failures/{id}/retry", "retryFailure")
        .by(OPERATORS)
        .about("Retry a failed message now", "Takes no body.")
        .with(&[FAILURE])
        .gives(&[Reply::json(
            200,
            "FailureReply",
            "The failure after the retry; still `pending` where that takes longer than a second.",
        )])
        .refuses(&[no::UNKNOWN_FAILURE, no::FAILURE_STATE])
        .tagged(TAG),
    Route::get("/health", "getHealth")
        .by(Access::Anyone)
        .about(
            "Ask every server that is needed",
            "Answered with 503 where one of them does not answer.",
        )
        .gives(&[
            Reply::json(200, "Health", "All servers answer.").with(reply::MOMENTARY),
            Reply::json(503, "Health", "A server does not answer.").with(reply::UNWELL),
        ])
        .tagged(TAG),
    Route::get("/ready", "getReadiness")
        .by(Access::Anyone)
        .about("Ask whether this instance is configured", "")
        .gives(&[Reply::json(200, "Health", "Ready to serve.").with(reply::MOMENTARY)])
        .tagged(TAG),
];
