//! Tests of `config`.

use super::*;

#[test]
fn the_command_line_holds_together() {
    use clap::CommandFactory;
    Cli::command().debug_assert();
    let cli = Cli::try_parse_from([
        "host-adapter",
        "up",
        "-f",
        "app.toml",
        "--listen",
        "0.0.0.0:80",
        "--listen",
        "127.0.0.1:81",
        "--component-id",
        "a",
        "--component-id",
        "b",
        "--env",
        "K=V=W",
        "--request-timeout",
        "250ms",
        "--max-instance-reuse-count",
        "1..8",
    ])
    .unwrap();
    let Command::Up(up) = cli.command;
    assert_eq!(up.listen.len(), 2);
    assert_eq!(up.component_id, ["a", "b"]);
    assert_eq!(up.env, [("K".to_owned(), "V=W".to_owned())]);
    assert_eq!(
        up.request_timeout,
        Some(Span::Value(Duration::from_millis(250)))
    );
    assert_eq!(up.max_instance_reuse_count, Some(Span::Bounds(1, 8)));
    assert_eq!(
        up.idle_instance_timeout,
        Span::Value(Duration::from_secs(1))
    );
    assert_eq!(up.header_read_timeout, Duration::from_secs(30));
}

#[test]
fn times_and_counts() {
    assert_eq!(parse_single_time("2"), Ok(Duration::from_secs(2)));
    assert_eq!(parse_single_time("2s"), Ok(Duration::from_secs(2)));
    assert_eq!(parse_single_time("7us"), Ok(Duration::from_micros(7)));
    assert!(parse_single_time("1m").is_err());
    assert!(parse_count("0").is_err());
    assert!(parse_count("8..8").is_err());
    assert!((1..8).contains(&Span::Bounds(1_usize, 8).draw()));
}

#[test]
fn the_runtime_file_is_strict() {
    let file = Path::new("runtime.toml");
    let config: RuntimeConfig =
        read(file, "[outbound_mysql]\nmax_connections = 10\n[[variables_provider]]\ntype='static'\nvalues={a='b'}").unwrap();
    assert_eq!(config.outbound_mysql.max_connections, 10);
    assert_eq!(config.outbound_mysql.wait_timeout_ms, 1_000);
    let config: RuntimeConfig = read(file, "[circuit_breaker]\nopen_ms = 5000").unwrap();
    assert_eq!(config.circuit_breaker.open_ms, 5_000);
    assert_eq!(config.circuit_breaker.requests_min, 10);
    let error = read::<RuntimeConfig>(file, "[outbound_mysql]\nmax = 10").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("runtime.toml: outbound_mysql.max: unknown field `max`"),
        "{error}"
    );
}
