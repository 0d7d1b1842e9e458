//! Schemathesis sends what the OpenAPI document allows and forbids to every route: no server error, no status, header,
//! content type or body that the document does not have, nothing accepted that it forbids. Callers are known by their
//! tokens, and payments are reported with signatures; without one, what is not everybody's is refused.

use anyhow::{Result, ensure};
use domain::Role;
use platform::{Options, Platform};
use serde_json::json;
use stack::component;
use tests::{signatures, tokens};

/// Products with the ids that generated requests like to name.
const PRODUCTS: std::ops::RangeInclusive<u64> = 1..=3;
/// Who logs in.
const USER: &str = "alice";
const PASSWORD: &str = "correct horse battery";
/// Cases of one operation in each phase.
const EXAMPLES_MAX: &str = "25";

#[test]
fn the_document_and_the_platform_agree() -> Result<()> {
    let platform = Platform::start(Options::default())?;
    for id in PRODUCTS {
        let body = json!({ "id": id, "name": "Tea", "price": "9.90", "stock": 1_000_000 });
        platform.api.post("/api/v1/products", &body)?.expect(201)?;
    }
    let user = json!({ "username": USER, "password": PASSWORD });
    platform.api.post("/v1/auth/register", &user)?.expect(201)?;
    let strict = [
        ("AUTH_MODE", "strict"),
        ("LOGINS_PER_ACCOUNT_MAX", "0"),
        ("USER_ORDERS_PER_MINUTE_MAX", "0"),
        ("ADDRESS_REQUESTS_PER_SECOND_MAX", "0"),
    ];
    let (_host, api) = platform.host_with("host-strict", &strict)?;
    let checkout = component::checkout()?;
    let settings = checkout.join("tests/tests/platform/schemathesis");
    let mut command = stack::python::schemathesis()?;
    command
        .env("SCHEMATHESIS_HOOKS", settings.join("hooks.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("ADMIN_TOKEN", tokens::of(&platform, "1", Role::Admin)?)
        .env("LOGIN_NAME", USER)
        .env("LOGIN_PASSWORD", PASSWORD)
        .env("PROVIDER_KEY", signatures::provider(&platform)?)
        .env("OPS_TOKEN", tokens::of(&platform, "2", Role::Ops)?)
        .arg("--config-file")
        .arg(settings.join("schemathesis.toml"))
        .arg("run")
        .arg(checkout.join("contract/openapi.json"));
    command.args([
        "--url",
        api.base(),
        "--max-examples",
        EXAMPLES_MAX,
        "--seed",
        "1",
        "--generation-database",
        "none",
        "--request-timeout",
        "10",
        "--no-color",
    ]);
    command.current_dir(platform.home().path());
    let output = command.output()?;
    ensure!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    platform.reconcile()?;
    Ok(())
}
