//! What `cargo metadata` says about the workspace: its root and routes for `cargo lambda watch`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use tokio::process::Command;

use crate::error::Error;

/// The workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its root folder.
    pub root: PathBuf,
    /// The routes in `[workspace.metadata.lambda.watch.router]`.
    pub routes: Vec<Route>,
}

/// A route of the development server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The path, with parameters in braces.
    pub path: String,
    /// The method.
    pub method: String,
    /// The binary that handles it.
    pub function: String,
}

#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    metadata: Option<WorkspaceMetadata>,
}

#[derive(Deserialize)]
struct WorkspaceMetadata {
    lambda: Option<Lambda>,
}

#[derive(Deserialize)]
struct Lambda {
    watch: Option<Watch>,
}

#[derive(Deserialize)]
struct Watch {
    #[serde(default)]
    router: BTreeMap<String, Vec<Target>>,
}

#[derive(Deserialize)]
struct Target {
    method: String,
    function: String,
}

impl Project {
    /// Asks cargo about the workspace around the current folder.
    ///
    /// # Errors
    ///
    /// [`Error::Program`] without cargo, [`Error::Metadata`] if it fails or names no routes.
    pub async fn find() -> Result<Self, Error> {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let output = Command::new(&cargo)
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .await
            .map_err(|source| Error::Program {
                program: cargo,
                source,
                hint: "Rust's cargo must be on the PATH: see https://rustup.rs",
            })?;
        if !output.status.success() {
            return Err(Error::Metadata(
                String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            ));
        }
        Self::from_metadata(&output.stdout)
    }

    fn from_metadata(json: &[u8]) -> Result<Self, Error> {
        let metadata: Metadata =
            serde_json::from_slice(json).map_err(|error| Error::Metadata(error.to_string()))?;
        let watch = metadata
            .metadata
            .and_then(|all| all.lambda)
            .and_then(|lambda| lambda.watch);
        let paths = watch.map(|watch| watch.router).unwrap_or_default();
        let routes: Vec<_> = paths
            .into_iter()
            .flat_map(|(path, targets)| {
                targets.into_iter().map(move |target| Route {
                    path: path.clone(),
                    method: target.method,
                    function: target.function,
                })
            })
            .collect();
        if routes.is_empty() {
            let problem = "no routes in [workspace.metadata.lambda.watch.router] of Cargo.toml";
            return Err(Error::Metadata(problem.to_owned()));
        }
        Ok(Self {
            root: metadata.workspace_root,
            routes,
        })
    }
}

#[cfg(test)]
#[path = "project_tests.rs"]
mod tests;
