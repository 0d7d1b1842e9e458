//! The reference and the table of routes are what the code says now.

use anyhow::{Result, ensure};

#[test]
fn the_reference_is_up_to_date() -> Result<()> {
    let made = reference::render()?;
    let stored = std::fs::read_to_string(reference::file()?)?;
    let differs = stored
        .lines()
        .zip(made.lines())
        .find(|(have, want)| have != want);
    ensure!(
        stored == made,
        "docs/reference.md is not up to date: run `cargo run --profile quick -p reference`; first difference:\n{differs:#?}"
    );
    Ok(())
}

#[test]
fn the_table_of_routes_is_up_to_date() -> Result<()> {
    let stored = std::fs::read_to_string(reference::routes::file()?)?;
    ensure!(
        reference::routes::written_into(&stored)? == stored,
        "the routes in README.md are not up to date: run `cargo run --profile quick -p reference`"
    );
    Ok(())
}
