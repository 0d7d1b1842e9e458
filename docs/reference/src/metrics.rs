//! Metrics, as a running program shows them.

use crate::{code, head, row};
use anyhow::Result;
use relay_worker::process::metrics::Metrics;
use relay_worker::process::outage::Outage;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
struct Family<'a> {
    help: &'a str,
    kind: &'a str,
    labels: BTreeSet<&'a str>,
}

/// What a relay shows that has every server it may have.
///
/// # Errors
/// Where two metrics share a name.
pub fn of_relay() -> Result<String> {
    let metrics = Metrics::new(1)?;
    metrics.consumer_lag.set("", 0);
    metrics.rabbitmq_lag.set("", 0);
    Outage::new("").over();
    Ok(metrics.render()?)
}

/// The table of what `/metrics` showed, in the text format of Prometheus.
pub fn table(shown: &str) -> String {
    let mut families: BTreeMap<&str, Family> = BTreeMap::new();
    for line in shown.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap_or((rest, ""));
            families.entry(name).or_default().help = help;
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or((rest, ""));
            families.entry(name).or_default().kind = kind;
        } else if let Some((name, rest)) = line.split_once('{')
            && let Some((labels, _)) = rest.rsplit_once('}')
        {
            let name = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| {
                    name.strip_suffix(end)
                        .filter(|name| families.contains_key(name))
                })
                .unwrap_or(name);
            families
                .entry(name)
                .or_default()
                .labels
                .extend(names(labels));
        }
    }
    let rows = families.iter().map(|(name, family)| {
        let labels: Vec<&str> = family.labels.iter().copied().collect();
        row([
            &code(name),
            family.kind,
            &code(&labels.join(" ")),
            family.help,
        ])
    });
    head(["metric", "type", "labels", "meaning"]) + &rows.collect::<String>()
}

/// Names of labels; those that every metric has, or that belong to the format, are left out.
fn names(labels: &str) -> impl Iterator<Item = &str> {
    let parts = labels.split("\",");
    let names = parts
        .filter_map(|part| part.split_once('='))
        .map(|(name, _)| name);
    names.filter(|name| !matches!(*name, "le" | "service"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn families_are_rows() {
        let shown = "# HELP a_seconds How long.\n# TYPE a_seconds histogram\na_seconds_bucket{db=\"x,y\",le=\"1\"} 2\n\
                     # HELP b Things.\n# TYPE b gauge\nb 1\n";
        let rows: Vec<String> = super::table(shown)
            .lines()
            .skip(3)
            .map(str::to_owned)
            .collect();
        assert_eq!(
            rows,
            [
                "| `a_seconds` | histogram | `db` | How long. |",
                "| `b` | gauge |  | Things. |"
            ]
        );
    }
}
