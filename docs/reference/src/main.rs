//! Writes `docs/reference.md` anew.

use anyhow::Result;

fn main() -> Result<()> {
    let file = reference::file()?;
    std::fs::write(&file, reference::render()?)?;
    println!("{} is written", file.display());
    Ok(())
}
