//! The reference is what the code says now.

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
