//! The table of routes in `README.md`, made from the contract's.

use crate::{head, row};
use anyhow::{Context, Result};
use contract::api::route::ROUTES;
use stack::component;
use std::path::PathBuf;

const BEGIN: &str = "<!-- routes: made by `cargo run --profile quick -p reference` -->\n";
const END: &str = "<!-- end of routes -->\n";

/// Where the table is.
///
/// # Errors
/// Where this was not started by cargo.
pub fn file() -> Result<PathBuf> {
    Ok(component::checkout()?.join("README.md"))
}

/// The file's text with the table of now.
///
/// # Errors
/// Where it has no place for the table.
pub fn written_into(text: &str) -> Result<String> {
    let (before, rest) = text
        .split_once(BEGIN)
        .context("no beginning of the routes")?;
    let (_, after) = rest.split_once(END).context("no end of the routes")?;
    Ok(format!("{before}{BEGIN}{}\n{END}{after}", table()))
}

/// A line per path.
fn table() -> String {
    let mut table = head(["path", "methods", "what it does"]);
    let mut shown: Vec<&str> = Vec::new();
    for route in &ROUTES {
        if shown.contains(&route.path) {
            continue;
        }
        shown.push(route.path);
        let here = ROUTES.iter().filter(|other| other.path == route.path);
        let (mut methods, mut summaries) = (Vec::new(), Vec::new());
        for other in here {
            methods.push(other.method);
            let summary = other.summary.split(", by P").next().unwrap_or_default();
            if !summaries.contains(&summary) {
                summaries.push(summary);
            }
        }
        let path = format!("`{}`", route.path);
        table += &row([&path, &methods.join(", "), &summaries.join("; ")]);
    }
    table
}
