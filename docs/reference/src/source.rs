//! What only sources say: doc comments of keys, scripts, topics, codes and configuration.

use crate::{code, head, row};
use anyhow::{Context, Result};
use std::fmt::Write as _;
use syn::visit::Visit;
use syn::{Attribute, Expr, ExprLit, Fields, Item, Lit, LitStr, Meta, Visibility};

/// The doc comment as one line.
fn doc(attributes: &[Attribute]) -> String {
    let lines = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => text(&pair.value),
            _ => None,
        });
    let lines: Vec<String> = lines.map(|line| line.trim().to_owned()).collect();
    lines.join(" ")
}

fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some(text.value()),
        _ => None,
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// The first format string in a function's body.
#[derive(Default)]
struct Format(Option<String>);

impl<'ast> Visit<'ast> for Format {
    fn visit_macro(&mut self, one: &'ast syn::Macro) {
        if !one.path.is_ident("format") || self.0.is_some() {
            return;
        }
        let first = one.parse_body_with(|input: syn::parse::ParseStream| {
            let first: LitStr = input.parse()?;
            input.parse::<proc_macro2::TokenStream>()?;
            Ok(first)
        });
        self.0 = first.ok().map(|text| text.value());
    }
}

/// Functions that name a key, with the key's shape.
///
/// # Errors
/// Where the source is no Rust.
pub fn keys(source: &str) -> Result<String> {
    let mut rows = String::new();
    for item in syn::parse_file(source)?.items {
        match item {
            Item::Fn(one) if is_public(&one.vis) => {
                let mut format = Format::default();
                format.visit_item_fn(&one);
                if let Some(shape) = format.0 {
                    let shape = shape.replace("{{", "{").replace("}}", "}");
                    rows.push_str(&row([
                        &code(&one.sig.ident.to_string()),
                        &code(&shape),
                        &doc(&one.attrs),
                    ]));
                }
            }
            Item::Const(one) if is_public(&one.vis) => {
                if let Some(value) = text(&one.expr) {
                    rows.push_str(&row([
                        &code(&one.ident.to_string()),
                        &code(&value),
                        &doc(&one.attrs),
                    ]));
                }
            }
            _ => {}
        }
    }
    Ok(head(["name in the code", "key, channel or word", "meaning"]) + &rows)
}

/// The scripts and what each is for.
///
/// # Errors
/// Where the source has no list of scripts.
pub fn scripts(source: &str) -> Result<String> {
    let (_, rest) = source
        .split_once("\nscripts! {\n")
        .context("no scripts! in the source")?;
    let (list, _) = rest.split_once("\n}").context("scripts! does not end")?;
    let (mut rows, mut meaning) = (String::new(), String::new());
    for line in list.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix("/// ") {
            let _ = write!(
                meaning,
                "{}{comment}",
                if meaning.is_empty() { "" } else { " " }
            );
        } else if let Some((_, file)) = line.split_once(" = \"") {
            let name = file.split('"').next().unwrap_or_default();
            rows.push_str(&row([
                &code(&format!("{name}.lua")),
                &std::mem::take(&mut meaning),
            ]));
        }
    }
    Ok(head(["script", "what it does"]) + &rows)
}

/// Names of topics and consumer groups.
///
/// # Errors
/// Where the source is no Rust.
pub fn topics(source: &str) -> Result<String> {
    let mut rows = String::new();
    for item in syn::parse_file(source)?.items {
        if let Item::Const(one) = item
            && is_public(&one.vis)
            && let Some(value) = text(&one.expr)
        {
            rows.push_str(&row([&code(&value), &doc(&one.attrs)]));
        }
    }
    Ok(head(["name", "meaning"]) + &rows)
}

/// The codes of error bodies.
///
/// # Errors
/// Where the source has none.
pub fn codes(source: &str) -> Result<String> {
    let items = syn::parse_file(source)?.items;
    let codes = items.into_iter().find_map(|item| match item {
        Item::Enum(one) if one.ident == "Code" => Some(one),
        _ => None,
    });
    let mut rows = String::new();
    for variant in codes.context("no codes")?.variants {
        let number = variant.discriminant.as_ref().map(|(_, number)| number);
        let Some(Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        })) = number
        else {
            continue;
        };
        rows.push_str(&row([
            &code(number.base10_digits()),
            &variant.ident.to_string(),
            &doc(&variant.attrs),
        ]));
    }
    Ok(head(["code", "name", "meaning"]) + &rows)
}

/// The tables of the runtime configuration file, with the defaults.
///
/// # Errors
/// Where the source does not have them.
pub fn runtime_configuration(source: &str) -> Result<String> {
    let defaults = [
        (
            "Mysql",
            "outbound_mysql",
            toml::Table::try_from(pools::config::Mysql::default())?,
        ),
        (
            "Redis",
            "outbound_redis",
            toml::Table::try_from(pools::config::Redis::default())?,
        ),
        (
            "CircuitBreaker",
            "circuit_breaker",
            toml::Table::try_from(pools::config::CircuitBreaker::default())?,
        ),
    ];
    let mut text = String::new();
    for item in syn::parse_file(source)?.items {
        let Item::Struct(one) = item else { continue };
        let known = defaults.iter().find(|(name, _, _)| one.ident == name);
        let (Some((_, table, defaults)), Fields::Named(fields)) = (known, &one.fields) else {
            continue;
        };
        let _ = write!(
            text,
            "\n### `[{table}]`\n{}",
            head(["key", "default", "meaning"])
        );
        for field in &fields.named {
            let name = field
                .ident
                .as_ref()
                .context("a field without a name")?
                .to_string();
            let default = defaults.get(&name).context("a field without a default")?;
            text.push_str(&row([
                &code(&name),
                &code(&default.to_string()),
                &doc(&field.attrs),
            ]));
        }
    }
    Ok(text)
}
