//! Every Lua script on a real Redis, as tables: the state before, the call, the reply, the state after. Each condition
//! of each script in the sources must be met and not met by some case, and each loop must be entered.
#![allow(clippy::unwrap_used, reason = "a failed unwrap there is a failed test")]

mod keys;
mod model;
mod sales;
mod stock;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use table::Table;

/// The text of every script by its name; `rate` is prepended to those that need it.
fn sources() -> BTreeMap<String, String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeMap::new();
    let mut folders = vec![here.join("src"), here.join("../contract/src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "lua") {
                let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    let rate = found.remove("rate").unwrap();
    for script in contract::store::redis::SCRIPTS {
        let alone = &found[script.name];
        let known = [alone.clone(), format!("{rate}{alone}")];
        assert!(known.contains(&script.text.to_owned()), "{}", script.name);
        found.insert(script.name.to_owned(), script.text.to_owned());
    }
    found
}

#[test]
fn every_branch_of_every_script() {
    let mut table = Table::new(sources());
    keys::cases(&mut table);
    stock::cases(&mut table);
    sales::cases(&mut table);
    table.check_that_all_was_taken();
}
