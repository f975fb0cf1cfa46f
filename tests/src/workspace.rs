//! The packages of the workspace and what they depend on, as `cargo metadata` tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// How one package depends on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `[dependencies]`: linked into what ships.
    Normal,
    /// `[build-dependencies]`: linked into the build script.
    Build,
    /// `[dev-dependencies]`: linked into tests, benches and examples.
    Dev,
}

/// A library or a binary that a package makes.
#[derive(Debug, Clone)]
pub struct Product {
    /// The file that it begins with.
    pub begins: PathBuf,
    /// Whether `cargo test` runs its unit tests.
    pub unit_tests: bool,
    /// Whether `cargo test` runs the examples in its documentation.
    pub doc_tests: bool,
}

/// One package of the dependency graph, a member of the workspace or not.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name in `Cargo.toml`.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// What its `Cargo.toml` names, optional or not, switched on or not: package name and kind.
    pub named: BTreeSet<(String, Kind)>,
    /// Its library and its binaries.
    pub products: Vec<Product>,
    /// Edges of the resolved graph: package id and kind.
    edges: Vec<(String, Kind)>,
}

/// The workspace: its members, and the whole graph below them.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The folder that holds the root `Cargo.toml`.
    pub root: PathBuf,
    packages: BTreeMap<String, Package>,
    members: BTreeMap<String, String>,
}

static WORKSPACE: LazyLock<Result<Workspace, String>> = LazyLock::new(Workspace::read);

/// The folder that holds the root `Cargo.toml`.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

impl Workspace {
    /// The workspace that this package is a member of, read once per process.
    ///
    /// # Errors
    /// `cargo metadata` failed, or said what is not understood.
    pub fn get() -> Result<&'static Self, String> {
        WORKSPACE.as_ref().map_err(Clone::clone)
    }

    fn read() -> Result<Self, String> {
        let root = root();
        // Offline answers at once and touches no lock file; it is impossible where not every platform's packages were
        // fetched, as after a build for one platform alone.
        let text = metadata(&root, &["--locked", "--offline"]).or_else(|_| metadata(&root, &[]))?;
        let all: Value = serde_json::from_str(&text).map_err(|e| format!("`cargo metadata` printed no JSON: {e}"))?;

        let mut packages = BTreeMap::new();
        for package in list(&all, "/packages")? {
            let folder = Path::new(string(package, "/manifest_path")?).parent().map(Path::to_owned).unwrap_or_default();
            let named = list(package, "/dependencies")?
                .iter()
                .map(|d| Ok((string(d, "/name")?.to_owned(), kind(d)?)))
                .collect::<Result<_, String>>()?;
            let products =
                list(package, "/targets")?.iter().filter(|t| is_product(t)).map(product).collect::<Result<_, _>>()?;
            let name = string(package, "/name")?.to_owned();
            let package_read = Package { name, folder, named, products, edges: Vec::new() };
            packages.insert(string(package, "/id")?.to_owned(), package_read);
        }
        for node in list(&all, "/resolve/nodes")? {
            let mut edges = Vec::new();
            for dep in list(node, "/deps")? {
                for way in list(dep, "/dep_kinds")? {
                    edges.push((string(dep, "/pkg")?.to_owned(), kind(way)?));
                }
            }
            if let Some(package) = packages.get_mut(string(node, "/id")?) {
                package.edges = edges;
            }
        }
        let mut members = BTreeMap::new();
        for id in list(&all, "/workspace_members")? {
            let id = id.as_str().ok_or("a workspace member without an id")?;
            let package = packages.get(id).ok_or_else(|| format!("no package for the member `{id}`"))?;
            members.insert(package.name.clone(), id.to_owned());
        }
        Ok(Self { root, packages, members })
    }

    /// The members' names.
    pub fn members(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// The member of that name, if there is one.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Package> {
        self.packages.get(self.members.get(name)?)
    }

    /// Whether a package of that name is a member of this workspace.
    #[must_use]
    pub fn is_member(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Everything that is linked into what `member` ships, however deep, each with the way that leads to it
    /// (`member → … → package`). Development dependencies are not followed, nor are build scripts': neither ships.
    #[must_use]
    pub fn linked(&self, member: &str) -> BTreeMap<&str, String> {
        let mut found = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let mut waiting: Vec<(&str, String)> =
            self.members.get(member).map(|id| (id.as_str(), member.to_owned())).into_iter().collect();
        while let Some((id, way)) = waiting.pop() {
            let Some(package) = self.packages.get(id).filter(|_| seen.insert(id)) else { continue };
            for (next, _) in package.edges.iter().filter(|(_, kind)| *kind == Kind::Normal) {
                if let Some(dependency) = self.packages.get(next) {
                    let way = format!("{way} → {}", dependency.name);
                    found.entry(dependency.name.as_str()).or_insert_with(|| way.clone());
                    waiting.push((next, way));
                }
            }
        }
        found
    }
}

fn metadata(root: &Path, options: &[&str]) -> Result<String, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1"])
        .args(options)
        .current_dir(root)
        .output()
        .map_err(|e| format!("`cargo metadata` did not start: {e}"))?;
    if !output.status.success() {
        return Err(format!("`cargo metadata` failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    String::from_utf8(output.stdout).map_err(|e| format!("`cargo metadata` printed no UTF-8: {e}"))
}

fn kind(dependency: &Value) -> Result<Kind, String> {
    match dependency.pointer("/kind") {
        None | Some(Value::Null) => Ok(Kind::Normal),
        Some(Value::String(kind)) if kind == "build" => Ok(Kind::Build),
        Some(Value::String(kind)) if kind == "dev" => Ok(Kind::Dev),
        Some(other) => Err(format!("a kind of dependency that is not known: `{other}`")),
    }
}

fn is_product(target: &Value) -> bool {
    let kinds = target.pointer("/kind").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    kinds.iter().any(|kind| ["lib", "bin"].map(Value::from).contains(kind))
}

fn product(target: &Value) -> Result<Product, String> {
    let flag = |pointer| {
        let found = target.pointer(pointer).and_then(Value::as_bool);
        found.ok_or_else(|| format!("`cargo metadata` has no flag at `{pointer}`"))
    };
    Ok(Product {
        begins: PathBuf::from(string(target, "/src_path")?),
        unit_tests: flag("/test")?,
        doc_tests: flag("/doctest")?,
    })
}

fn list<'v>(value: &'v Value, pointer: &str) -> Result<&'v [Value], String> {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .ok_or_else(|| format!("`cargo metadata` has no list at `{pointer}`"))
}

fn string<'v>(value: &'v Value, pointer: &str) -> Result<&'v str, String> {
    value.pointer(pointer).and_then(Value::as_str).ok_or_else(|| format!("`cargo metadata` has no text at `{pointer}`"))
}
