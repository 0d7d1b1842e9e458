//! Prints the OpenAPI document; `contract/openapi.json` is made with it.

fn main() -> serde_json::Result<()> {
    print!("{}", contract::api::openapi::document()?);
    Ok(())
}
