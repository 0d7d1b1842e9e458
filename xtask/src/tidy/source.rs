//! Rules about a single file, checked on its path and text.

use std::path::Path;
use syn::visit::{self, Visit};
use syn::{Item, Visibility};

const LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
/// Longer than for other functions: a test is read from beginning to end.
const TEST_LINES_MAX: usize = 90;
/// Characters in a line of prose; code blocks and tables may be wider.
const PROSE_MAX: usize = 120;
/// Names that do not describe their contents.
const EMPTY_NAMES: [&str; 6] = ["util", "utils", "common", "helpers", "manager", "misc"];
/// Paths that exist on one machine only. Written in pieces, because this file is checked too.
const MACHINE_PATHS: [&str; 3] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("../sh", "ared"),
];

/// Every violation in the file `path` with the content `text`, as lines for people.
pub fn check(path: &Path, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    names(path, &mut problems);
    lines(path, text, &mut problems);
    if is_generated(text) {
        return problems;
    }
    if path.extension().is_some_and(|extension| extension == "rs") {
        rust(path, text, &mut problems);
    }
    if path == Path::new("clippy.toml") {
        bans(path, text, &mut problems);
    }
    if path
        .extension()
        .is_some_and(|extension| extension == "md" || extension == "rs")
    {
        prose(path, text, &mut problems);
    }
    problems
}

/// Whether a generator wrote it, whose style is not ours.
fn is_generated(text: &str) -> bool {
    text.starts_with("// @generated")
}

fn names(path: &Path, problems: &mut Vec<String>) {
    let shown = path.display();
    if path.file_name().is_some_and(|name| name == "mod.rs") {
        problems.push(format!(
            "{shown}: a module is NAME.rs with a folder NAME/, not mod.rs"
        ));
    }
    let stem = path.file_stem().unwrap_or_default();
    let mut parts = path.parent().into_iter().flat_map(Path::iter).chain([stem]);
    if let Some(part) = parts.find(|part| EMPTY_NAMES.iter().any(|name| part == name)) {
        problems.push(format!("{shown}: the name {} says nothing", part.display()));
    }
}

/// Imports are one block, sorted by rustfmt; re-exports may follow separately.
fn imports(file: &syn::File, shown: &std::path::Display<'_>, problems: &mut Vec<String>) {
    for pair in file.items.windows(2) {
        let [Item::Use(first), Item::Use(second)] = pair else {
            continue;
        };
        let are_private = [first, second].map(|one| matches!(one.vis, Visibility::Inherited));
        let ends = first.semi_token.span.end().line;
        let begins = second.use_token.span.start().line;
        if are_private == [true, true] && begins > ends + 1 {
            problems.push(format!(
                "{shown}:{begins}: imports are one block without empty lines"
            ));
        }
    }
}

fn lines(path: &Path, text: &str, problems: &mut Vec<String>) {
    for (number, line) in (1..).zip(text.lines()) {
        let mut report = |what: &str| problems.push(format!("{}:{number}: {what}", path.display()));
        if MACHINE_PATHS.iter().any(|place| line.contains(place)) {
            report("a path of one machine");
        }
        // Pictures are generated, some with a script inside.
        if path.extension().is_some_and(|extension| extension == "svg") {
            continue;
        }
        let is_owned = |mark: &str| line.contains(&format!("{mark}("));
        if [concat!("TO", "DO"), concat!("FIX", "ME")]
            .iter()
            .any(|mark| {
                line.split(|letter: char| !letter.is_alphanumeric())
                    .any(|word| word == *mark)
                    && !is_owned(mark)
            })
        {
            report("something left to do names its owner: NAME in parentheses after it");
        }
    }
}

fn rust(path: &Path, text: &str, problems: &mut Vec<String>) {
    let shown = path.display();
    let first = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    if !first.starts_with("//!") {
        problems.push(format!(
            "{shown}: opens without a //! that tells why it exists"
        ));
    }
    let count = text.lines().count();
    if count > LINES_MAX {
        problems.push(format!("{shown}: {count} lines, more than {LINES_MAX}"));
    }
    let parsed = match syn::parse_file(text) {
        Ok(parsed) => parsed,
        Err(error) => return problems.push(format!("{shown}: cannot be parsed: {error}")),
    };
    imports(&parsed, &shown, problems);
    let mut walk = Walk {
        found: Vec::new(),
        in_test: is_test_file(path),
        is_of_tests: is_test_file(path)
            || path.starts_with("tests")
            || path.starts_with("platform"),
    };
    walk.visit_file(&parsed);
    problems.extend(
        walk.found
            .into_iter()
            .map(|(line, what)| format!("{shown}:{line}: {what}")),
    );
}

/// Lines of prose that are too long, in documents and comments.
fn prose(path: &Path, text: &str, problems: &mut Vec<String>) {
    let is_rust = path.extension().is_some_and(|extension| extension == "rs");
    let mut in_code = false;
    for (number, line) in (1..).zip(text.lines()) {
        in_code ^= line.trim_start().starts_with("```");
        let is_prose = match is_rust {
            true => line.trim_start().starts_with("//"),
            false => !in_code && !line.starts_with(['|', '`']) && !line.starts_with("    "),
        };
        let mut parameters = line.match_indices("/:").map(|(at, _)| &line[at + 2..]);
        if is_prose && parameters.any(|name| name.starts_with(|one: char| one.is_ascii_lowercase()))
        {
            let shown = path.display();
            problems.push(format!(
                "{shown}:{number}: a parameter of a path is written {{name}}"
            ));
        }
        // A single long word cannot be wrapped.
        let has_space = line.trim().contains(' ');
        if is_prose && has_space && line.chars().count() > PROSE_MAX {
            let shown = path.display();
            problems.push(format!(
                "{shown}:{number}: a line of prose with more than {PROSE_MAX} characters"
            ));
        }
    }
}

/// A ban has a reason, which clippy shows.
fn bans(path: &Path, text: &str, problems: &mut Vec<String>) {
    for (number, line) in (1..).zip(text.lines()) {
        if line.contains("path = ") && !line.contains("reason = ") {
            problems.push(format!(
                "{}:{number}: a ban without a reason",
                path.display()
            ));
        }
    }
}

/// Test programs and modules, but neither the tests' shared library nor the probes.
fn is_test_file(path: &Path) -> bool {
    if path.file_name().is_some_and(|name| name == "tests.rs") {
        return true;
    }
    let mut parts = path
        .iter()
        .skip_while(|part| *part != "tests")
        .skip(1)
        .peekable();
    parts
        .peek()
        .is_some_and(|next| *next != "src" && *next != "components")
}

struct Walk {
    found: Vec<(usize, String)>,
    in_test: bool,
    /// In a test, or in code that tests share.
    is_of_tests: bool,
}

impl Walk {
    fn function(&mut self, name: &syn::Ident, attributes: &[syn::Attribute], block: &syn::Block) {
        let (start, end) = (
            name.span().start().line,
            block.brace_token.span.close().end().line,
        );
        let count = end.saturating_sub(start) + 1;
        let max = match self.is_of_tests {
            true => TEST_LINES_MAX,
            false => FUNCTION_LINES_MAX,
        };
        if count > max {
            let text = format!("{name} has {count} lines, more than {max}");
            self.found.push((start, text));
        }
        if attributes
            .iter()
            .any(|attribute| attribute.path().is_ident("ignore"))
        {
            self.found
                .push((start, format!("{name} is an ignored test")));
        }
    }

    /// A call of `sleep`: in a test it is a guess about timing.
    fn sleep(&mut self, line: usize) {
        if self.in_test {
            self.found.push((
                line,
                "a test sleeps: wait for a predicate with a deadline".to_owned(),
            ));
        }
    }
}

impl<'ast> Visit<'ast> for Walk {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig.ident, &item.attrs, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig.ident, &item.attrs, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let outside = (self.in_test, self.is_of_tests);
        let is_test = item.attrs.iter().any(is_cfg_test);
        self.in_test |= is_test;
        self.is_of_tests |= is_test;
        visit::visit_item_mod(self, item);
        (self.in_test, self.is_of_tests) = outside;
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(path) = &*call.func
            && let Some(last) = path.path.segments.last()
            && last.ident == "sleep"
        {
            self.sleep(last.ident.span().start().line);
        }
        visit::visit_expr_call(self, call);
    }
}

fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute
            .parse_args::<syn::Path>()
            .is_ok_and(|path| path.is_ident("test"))
}

#[cfg(test)]
mod tests;
