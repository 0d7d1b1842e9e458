//! This checkout as cargo sees it: its root, its packages, and where built files are.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use stack::program;
use std::env;
use std::path::{Path, PathBuf};

/// The target and profile of all components.
pub const WASM: [&str; 4] = ["--target", "wasm32-wasip2", "--profile", "component"];
/// The profile of tests, tools and `up`, so that they share what they compile.
pub const QUICK: &str = "quick";
/// The profile for benchmarks and releases.
pub const RELEASE: &str = "release";

/// A member of the workspace.
pub struct Package {
    pub name: String,
    /// Its folder, relative to the root.
    pub folder: PathBuf,
    /// Whether it is a WebAssembly component: a function or a probe of tests and benchmarks.
    pub is_component: bool,
    /// Its direct dependencies.
    pub dependencies: Vec<Dependency>,
}

/// A direct dependency.
pub struct Dependency {
    /// The name of the package it depends on.
    pub name: String,
    /// Whether only tests and examples use it.
    pub is_dev: bool,
}

pub struct Checkout {
    /// Its root folder.
    pub root: PathBuf,
}

impl Checkout {
    /// The checkout this program was started from, by cargo's variables or by the current folder's ancestors.
    ///
    /// # Errors
    /// When it is started elsewhere.
    pub fn find() -> Result<Self> {
        let of_cargo = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let start = match of_cargo {
            Some(folder) => folder,
            None => env::current_dir()?,
        };
        let root = start
            .ancestors()
            .find(|folder| folder.join("xtask/Cargo.toml").is_file())
            .context("not inside a checkout of Flashorder")?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    /// Where `up` keeps its data.
    pub fn run_dir(&self) -> PathBuf {
        self.root.join(".run")
    }

    /// Where spin.toml expects the components, whatever cargo's target folder is.
    pub fn components_dir(&self) -> PathBuf {
        self.root.join("target/components")
    }

    /// Reads cargo's metadata of the workspace.
    ///
    /// # Errors
    /// When cargo fails.
    pub fn workspace(&self) -> Result<Workspace> {
        let metadata = self.metadata(&["--no-deps"])?;
        let target = metadata["target_directory"]
            .as_str()
            .context("no target_directory")?;
        let packages = array(&metadata["packages"]).filter_map(|json| package(&self.root, json));
        Ok(Workspace {
            target: target.into(),
            packages: packages.collect(),
            profile: QUICK,
        })
    }

    /// The source folder of a dependency.
    ///
    /// # Errors
    /// When the workspace does not depend on it in that version.
    pub fn sources_of(&self, name: &str, version: &str) -> Result<PathBuf> {
        let metadata = self.metadata(&[])?;
        let manifest = array(&metadata["packages"])
            .find(|json| json["name"] == name && json["version"] == version)
            .and_then(|json| json["manifest_path"].as_str())
            .with_context(|| format!("the workspace does not depend on {name} {version}"))?;
        Ok(Path::new(manifest)
            .parent()
            .context("a manifest without a folder")?
            .to_owned())
    }

    fn metadata(&self, more: &[&str]) -> Result<Value> {
        let output = program::cargo(&self.root)
            .args(["metadata", "--format-version", "1", "--quiet"])
            .args(more)
            .output()
            .context("cannot run cargo metadata")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "cargo metadata failed: {}",
            said.trim()
        );
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

/// The packages and where they are built.
pub struct Workspace {
    /// Cargo's target folder.
    pub target: PathBuf,
    pub packages: Vec<Package>,
    /// The profile of the native programs to run.
    pub profile: &'static str,
}

impl Workspace {
    /// The members that are WebAssembly components.
    pub fn components(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.is_component)
    }

    /// The path of a native program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.target.join(self.profile).join(name)
    }
}

fn package(root: &Path, json: &Value) -> Option<Package> {
    let manifest = Path::new(json["manifest_path"].as_str()?);
    let folder = manifest.parent()?.strip_prefix(root).ok()?.to_owned();
    let is_cdylib = array(&json["targets"])
        .any(|target| array(&target["crate_types"]).any(|kind| kind == "cdylib"));
    let dependencies = array(&json["dependencies"]).filter_map(|json| {
        let name = json["name"].as_str()?.to_owned();
        Some(Dependency {
            name,
            is_dev: json["kind"] == "dev",
        })
    });
    Some(Package {
        name: json["name"].as_str()?.to_owned(),
        folder,
        is_component: is_cdylib,
        dependencies: dependencies.collect(),
    })
}

fn array(json: &Value) -> impl Iterator<Item = &Value> {
    json.as_array().into_iter().flatten()
}
