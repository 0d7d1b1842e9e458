//! Kafka and Elasticsearch from Maven Central, kept in the user's cache.

use crate::cache::{self, cached};
use crate::program;
use anyhow::{Context, Result, bail, ensure};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const KAFKA_POM: &str = include_str!("../jars/kafka.xml");
const ELASTICSEARCH_POM: &str = include_str!("../jars/elasticsearch.xml");
/// Names of the cached folders, with the versions of the poms; a test compares the two.
const KAFKA: &str = "kafka-4.3.1";
const ELASTICSEARCH: &str = "elasticsearch-7.17.29";

/// The two modules that Elasticsearch's small distribution lacks: `_reindex`, `_delete_by_query`, and the field types
/// beyond the basic ones. Name, class, and the jars each needs (by prefix).
const MODULES: [(&str, &str, &[&str]); 2] = [
    (
        "reindex",
        "org.elasticsearch.reindex.ReindexPlugin",
        &[
            "reindex-client",
            "elasticsearch-rest-client",
            "elasticsearch-ssl-config",
            "http",
            "commons-",
        ],
    ),
    (
        "mapper-extras",
        "org.elasticsearch.index.mapper.MapperExtrasPlugin",
        &["mapper-extras-client"],
    ),
];

/// A JVM that these servers run on: 17 to 23, as Elasticsearch 7.17 does not start on later ones.
///
/// # Errors
/// When there is none.
pub(crate) fn java() -> Result<PathBuf> {
    let of_home = env::var_os("JAVA_HOME").map(|home| Path::new(&home).join("bin/java"));
    let of_path = program::find("java").ok();
    let of_debian = fs::read_dir("/usr/lib/jvm")
        .map(|entries| {
            entries
                .flatten()
                .map(|entry| entry.path().join("bin/java"))
                .collect()
        })
        .unwrap_or_else(|_| Vec::new());
    of_home
        .into_iter()
        .chain(of_path)
        .chain(of_debian)
        .find(|java| major_version(java).is_some_and(|major| (17..=23).contains(&major)))
        .context("no Java 17 to 23 is installed (Debian's openjdk-17-jre-headless will do)")
}

/// The folder of Kafka's jars, downloaded if missing.
///
/// # Errors
/// When Maven is missing or fails.
pub(crate) fn kafka() -> Result<PathBuf> {
    Ok(cached(KAFKA, |fresh| fetch(fresh, KAFKA_POM))?.join("libs"))
}

/// Elasticsearch's home folder, downloaded if missing.
///
/// # Errors
/// When Maven is missing or fails.
pub(crate) fn elasticsearch() -> Result<PathBuf> {
    let folder = cached(ELASTICSEARCH, |fresh| {
        fetch(fresh, ELASTICSEARCH_POM)?;
        MODULES
            .iter()
            .try_for_each(|(name, class, jars)| add_module(fresh, name, class, jars))
    })?;
    Ok(folder.join(ELASTICSEARCH))
}

/// Whether both are in the cache already.
pub(crate) fn are_here() -> Result<bool> {
    let cache = cache::folder()?;
    Ok(cache.join(KAFKA).is_dir() && cache.join(ELASTICSEARCH).is_dir())
}

fn fetch(folder: &Path, pom: &str) -> Result<()> {
    fs::write(folder.join("pom.xml"), pom)?;
    let maven = program::find("mvn").context("Kafka and Elasticsearch are fetched by Maven")?;
    let output = Command::new(maven)
        .args(["-B", "-q", "initialize"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("Maven failed:\n{}", String::from_utf8_lossy(&said).trim());
    }
    Ok(())
}

fn add_module(folder: &Path, name: &str, class: &str, jars: &[&str]) -> Result<()> {
    let version = ELASTICSEARCH.trim_start_matches("elasticsearch-");
    let module = folder.join(ELASTICSEARCH).join("modules").join(name);
    fs::create_dir_all(&module)?;
    let descriptor = format!(
        "description={name}\nversion={version}\nname={name}\nclassname={class}\njava.version=1.8\n\
         elasticsearch.version={version}\nextended.plugins=\nhas.native.controller=false\n"
    );
    fs::write(module.join("plugin-descriptor.properties"), descriptor)?;
    let mut copied = 0;
    for entry in fs::read_dir(folder.join("modules"))?.flatten() {
        let file = entry.file_name();
        if jars
            .iter()
            .any(|jar| file.to_string_lossy().starts_with(jar))
        {
            fs::copy(entry.path(), module.join(&file))?;
            copied += 1;
        }
    }
    ensure!(
        copied >= jars.len(),
        "the jars of Elasticsearch's module {name} are not all there"
    );
    Ok(())
}

fn major_version(java: &Path) -> Option<u32> {
    let output = Command::new(java)
        .arg("-version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    parse_major(&String::from_utf8_lossy(&output.stderr))
}

/// 17 for `openjdk version "17.0.15" 2025-04-15`; Java 8 reports 1.8 and so counts as 1.
fn parse_major(said: &str) -> Option<u32> {
    let quoted = said.split('"').nth(1)?;
    quoted
        .split(|letter: char| !letter.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_carry_the_versions_of_the_poms() {
        let version = |folder: &str| folder.rsplit('-').next().map(|v| format!(">{v}<")).unwrap();
        assert!(KAFKA_POM.contains(&version(KAFKA)));
        assert!(ELASTICSEARCH_POM.contains(&version(ELASTICSEARCH)));
    }

    #[test]
    fn the_major_version_of_java_is_read() {
        assert_eq!(
            parse_major("openjdk version \"17.0.15\" 2025-04-15\n"),
            Some(17)
        );
        assert_eq!(parse_major("java version \"1.8.0_392\"\n"), Some(1));
        assert_eq!(
            parse_major("openjdk version \"25-ea\" 2025-09-16"),
            Some(25)
        );
        assert_eq!(parse_major("no java here"), None);
    }
}
