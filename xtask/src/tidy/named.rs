//! Names in documents must exist: flags, environment variables, metrics, tables, keys. They are looked up in the
//! reference, which is generated from the code, in the documents of the contract, in the manifest and in the tools'
//! sources. So must the tests and functions that some documents name, such as `module::a_test`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const REFERENCE: &str = "docs/reference.md";
const CONTRACTS: [&str; 2] = ["contract/openapi.json", "contract/asyncapi.json"];
/// Documents for readers without access to the code.
const FOR_READERS: [&str; 4] = [
    "README.md",
    "docs/events.md",
    "docs/operators.md",
    "docs/users.md",
];

/// Documents that say which test holds what.
const WITH_TESTS: [&str; 2] = ["docs/found.md", "docs/security.md"];

/// Unknown names, as lines for people.
pub fn check(root: &Path, tracked: &[PathBuf]) -> Vec<String> {
    let read = |path: &Path| fs::read_to_string(root.join(path)).unwrap_or_default();
    let mut known = read(Path::new(REFERENCE));
    known.extend(CONTRACTS.map(|contract| read(Path::new(contract))));
    known.push_str(&read(Path::new("spin.toml")));
    let tools = |path: &&PathBuf| path.starts_with("xtask/src") || path.starts_with("bench/src");
    let tools: String = tracked
        .iter()
        .filter(tools)
        .map(|path| read(path))
        .collect();
    known.push_str(&tools);
    let documents = tracked
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .filter(|path| !path.starts_with("docs/bench") && *path != Path::new(REFERENCE));
    let mut problems: Vec<String> = documents
        .flat_map(|path| unknown(path, &read(path), &known))
        .collect();
    let sources = tracked
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let sources: String = sources.map(|path| read(path)).collect();
    let functions = functions(&sources);
    for document in WITH_TESTS {
        problems.extend(untested(document, &read(Path::new(document)), &functions));
    }
    problems
}

/// The names of all functions.
fn functions(sources: &str) -> BTreeSet<&str> {
    let ends = |one: char| !one.is_ascii_alphanumeric() && one != '_';
    let after = sources.split("fn ").skip(1);
    after.filter_map(|rest| rest.split(ends).next()).collect()
}

/// Functions that are named and do not exist; `a::some_*` names any that begins so.
fn untested(document: &str, text: &str, functions: &BTreeSet<&str>) -> Vec<String> {
    let exists = |name: &str| match name.strip_suffix('*') {
        Some(begin) => functions.iter().any(|function| function.starts_with(begin)),
        None => functions.contains(name),
    };
    let is_function = |name: &str| name.starts_with(|one: char| one.is_ascii_lowercase());
    let mut problems = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for span in line.split('`').skip(1).step_by(2) {
            let Some((_, name)) = span.rsplit_once("::") else {
                continue;
            };
            if is_function(name) && !exists(name) {
                problems.push(format!(
                    "{document}:{number}: {span} is named and does not exist"
                ));
            }
        }
    }
    problems
}

fn unknown(path: &Path, text: &str, known: &str) -> Vec<String> {
    let for_readers = FOR_READERS.iter().any(|one| path == Path::new(one));
    let mut problems = Vec::new();
    let mut in_block = false;
    for (number, line) in (1..).zip(text.lines()) {
        in_block ^= line.starts_with("```");
        if in_block {
            continue;
        }
        for span in line.split('`').skip(1).step_by(2) {
            let name = span.split([' ', '=', '{']).next().unwrap_or_default();
            if !(is_flag(name) || for_readers && is_name(name)) || is_known(name, known) {
                continue;
            }
            let shown = path.display();
            problems.push(format!(
                "{shown}:{number}: {name} is named and does not exist"
            ));
        }
    }
    problems
}

fn is_flag(name: &str) -> bool {
    name.strip_prefix("--")
        .is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_lowercase()))
}

/// Whether it is in snake case, as environment variables are too.
fn is_name(name: &str) -> bool {
    let is_part =
        |part: &str| !part.is_empty() && part.chars().all(|one| one.is_ascii_alphanumeric());
    name.contains('_') && name.split('_').all(is_part)
}

/// Whether `known` contains the name as a whole word; a flag also in the form of its field.
fn is_known(name: &str, known: &str) -> bool {
    let field = name.trim_start_matches('-').replace('-', "_");
    let is_part = |one: char| one.is_ascii_alphanumeric() || one == '_' || one == '-';
    [name, field.as_str()].iter().any(|name| {
        known.match_indices(name).any(|(at, _)| {
            let before = known[..at].chars().next_back();
            let after = known[at + name.len()..].chars().next();
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &str = "| `--cache-bytes BYTES` | `outbox_dead_rows` | MYSQL_URLS\n#[arg(long)]\n    open_seconds: u64,";

    #[test]
    fn what_exists_may_be_named() {
        let text = "`--cache-bytes`, `--open-seconds 3`, `outbox_dead_rows{shard=\"0\"}`, `MYSQL_URLS`, `a word`\n```\n--other\n```\n";
        assert_eq!(
            unknown(Path::new("README.md"), text, KNOWN),
            Vec::<String>::new()
        );
    }

    #[test]
    fn tests_that_are_named_exist() {
        let functions = functions("fn a_test() {}\npub async fn another<T>(x: T) {}");
        let text = "`it::a_test`, `it::another`, `it::an*`, `it::*`, `Type::Other`, `fn x`\n`it::a_tes` `it::b*`";
        let want = [
            "d.md:2: it::a_tes is named and does not exist",
            "d.md:2: it::b* is named and does not exist",
        ];
        assert_eq!(untested("d.md", text, &functions), want);
    }

    #[test]
    fn what_does_not_exist_is_named() {
        let text = "`--cache`\n`outbox_rows`\n`MYSQL_URL`\n";
        let want = [
            "README.md:1: --cache is named and does not exist",
            "README.md:2: outbox_rows is named and does not exist",
            "README.md:3: MYSQL_URL is named and does not exist",
        ];
        assert_eq!(unknown(Path::new("README.md"), text, KNOWN), want);
        let elsewhere = unknown(Path::new("docs/ARCHITECTURE.md"), text, KNOWN);
        assert_eq!(elsewhere.len(), 1, "others may name what is in the code");
    }
}
