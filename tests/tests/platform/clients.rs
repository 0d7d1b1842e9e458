//! Clients that two generators make of the served document, one of Python and one of TypeScript, create, read and
//! cancel an order.

use anyhow::{Context, Result, ensure};
use platform::Platform;
use platform::shop::{buyer, key};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const REQUIREMENTS: &str = include_str!("clients/requirements.txt");
const PACKAGE: &str = include_str!("clients/package.json");
const LOCK: &str = include_str!("clients/package-lock.json");

#[test]
fn of_python() -> Result<()> {
    let platform = tests::shared();
    let home = stack::Home::temporary()?;
    let folder = home.path();
    fs::write(folder.join("order.py"), include_str!("clients/order.py"))?;
    // Formatting would need another program.
    fs::write(folder.join("settings.yaml"), "post_hooks: []\n")?;
    let python = || stack::python::environment("python-client", REQUIREMENTS);
    let said = run(python()?
        .args(["-m", "openapi_python_client", "generate", "--meta", "none"])
        .args([
            "--config",
            "settings.yaml",
            "--output-path",
            "flashorder_client",
        ])
        .args(["--url", &document(&platform)])
        .current_dir(folder))?;
    ensure!(!said.contains("Warning"), "{said}");
    lives(&platform, python()?.arg("order.py").current_dir(folder))
}

#[test]
fn of_typescript() -> Result<()> {
    let platform = tests::shared();
    let home = stack::Home::temporary()?;
    let folder = home.path();
    fs::write(folder.join("order.ts"), include_str!("clients/order.ts"))?;
    fs::write(
        folder.join("tsconfig.json"),
        include_str!("clients/tsconfig.json"),
    )?;
    fs::write(folder.join("package.json"), PACKAGE)?;
    let settings = include_str!("clients/openapi-ts.config.js");
    fs::write(folder.join("openapi-ts.config.js"), settings)?;
    let packages = stack::node::packages("typescript-client", PACKAGE, LOCK)?;
    std::os::unix::fs::symlink(packages.join("node_modules"), folder.join("node_modules"))?;
    let program = |name: &str| Command::new(Path::new("node_modules/.bin").join(name));
    run(program("openapi-ts")
        .env("OPENAPI", document(&platform))
        .current_dir(folder))?;
    run(program("tsc").current_dir(folder))?;
    lives(
        &platform,
        Command::new("node").arg("out/order.js").current_dir(folder),
    )
}

fn document(platform: &Platform) -> String {
    format!("{}/openapi.json", platform.api.base())
}

/// Runs a program that leaves a cancelled order.
fn lives(platform: &Platform, program: &mut Command) -> Result<()> {
    let (product, user) = (platform.product(10, "redis")?, buyer());
    let arguments = [product.to_string(), user.to_string(), key()];
    let said = run(program.arg(platform.api.base()).args(arguments))?;
    let order = said.lines().last().context("an order")?;
    let read = platform
        .api
        .get(&format!("/v1/order/{order}"))?
        .expect(200)?;
    assert_eq!(read.text_at("/order/status"), "cancelled");
    assert_eq!(read.text_at("/order/user_id"), user.to_string());
    Ok(())
}

/// What a program wrote, where it succeeded.
fn run(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    ensure!(output.status.success(), "{command:?}: {said}");
    Ok(said)
}
