//! Prints the AsyncAPI document; `contract/asyncapi.json` is made with it.

fn main() -> serde_json::Result<()> {
    print!("{}", contract::wire::asyncapi::document()?);
    Ok(())
}
