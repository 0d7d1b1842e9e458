//! Writes `docs/reference.md` and the table of routes in `README.md` anew.

use anyhow::Result;

fn main() -> Result<()> {
    let readme = reference::routes::file()?;
    let text = std::fs::read_to_string(&readme)?;
    std::fs::write(&readme, reference::routes::written_into(&text)?)?;
    println!("{} is written", readme.display());
    let file = reference::file()?;
    std::fs::write(&file, reference::render()?)?;
    println!("{} is written", file.display());
    Ok(())
}
