//! Printed by `up` once everything is ready: where everything is, and lines to try.

use super::machines::{self, Payments};
use super::platform::{Addresses, Mode};
use super::users::{self, Users};
use crate::console;
use crate::servers::Servers;
use crate::urls::shown;

/// Prints the table and the lines.
pub fn print(
    addresses: &Addresses<'_>,
    servers: &Servers,
    users: &Users,
    payments: &Payments,
    mode: Mode,
) {
    let api: Vec<String> = addresses
        .listen
        .iter()
        .map(|address| format!("http://{address}"))
        .collect();
    console::line("");
    let rows = rows(addresses, &api, servers, payments);
    for (what, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        console::line(format_args!("  {what:22} {value}"));
    }
    users.print(mode);
    console::line("\nTry:");
    for line in to_try(first(&api), mode) {
        console::line(format_args!("  {line}"));
    }
    console::line("\nCtrl-C stops everything.");
}

/// What is where: names and addresses; a row may be empty.
fn rows(
    addresses: &Addresses<'_>,
    api: &[String],
    servers: &Servers,
    payments: &Payments,
) -> Vec<(&'static str, String)> {
    let urls = &servers.urls;
    let first = first(api);
    let databases: Vec<String> = urls
        .mysql
        .split(',')
        .chain([urls.inventory.as_str()])
        .map(shown)
        .collect();
    let grpc: Vec<String> = addresses.grpc.iter().map(ToString::to_string).collect();
    vec![
        ("API", api.join("  ")),
        ("gRPC", grpc.join("  ")),
        ("health", format!("{first}/health  {first}/ready")),
        (
            "metrics of the host",
            format!("http://{}/metrics", addresses.host_metrics),
        ),
        (
            "metrics of the relay",
            format!("http://{}/metrics", addresses.relay_metrics),
        ),
        ("MySQL", databases.join("  ")),
        ("", servers.mariadb_client().unwrap_or_default()),
        ("Redis", shown(&urls.redis)),
        (
            "Kafka",
            or(
                &urls.kafka,
                "embedded in the relay, for development only (--full: a real one)",
            ),
        ),
        (
            "Elasticsearch",
            or(
                &shown(&urls.elasticsearch),
                "none: search answers from MySQL (--full: a real one)",
            ),
        ),
        ("RabbitMQ", shown(&urls.rabbitmq)),
        (
            "payment provider",
            format!(
                "{}, simulated: pays at once (key: .run/{})",
                payments.url(),
                machines::place().display()
            ),
        ),
        ("logs", ".run/NAME/NAME.log".to_owned()),
    ]
}

fn first(api: &[String]) -> &str {
    api.first().map_or("", String::as_str)
}

/// Lines of a shell, for the API at `first`.
fn to_try(first: &str, mode: Mode) -> Vec<String> {
    match mode {
        Mode::Strict => users::lines(first),
        Mode::Compat => vec![
            format!("curl -s {first}/api/v1/products"),
            format!(
                "curl -s {first}/v1/order/create -H 'Content-Type: application/json' \
                 -d '{{\"user_id\":1,\"items\":[{{\"product_id\":1,\"quantity\":2}}]}}'"
            ),
            format!("curl -s '{first}/v1/order/list?user_id=1'"),
        ],
    }
}

fn or(value: &str, otherwise: &str) -> String {
    if value.is_empty() { otherwise } else { value }.to_owned()
}
