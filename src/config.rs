//! The project directory: finds and reads its files. What they mean is [`crate::manifest`]'s.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::manifest::SourceFile;

/// The folders that hold a project's files.
const FOLDERS: [&str; 3] = ["manifests", "upgrade-paths", "templates"];
/// The project file.
const PROJECT_FILE: &str = "orchestrate.yaml";
/// What people call it as well: read all the same, so that the loader can tell them.
const MISNAMED_PROJECT_FILE: &str = "orchestrate.yml";
/// Deeper folders are taken for a mistake, such as a link that leads back up.
const DEPTH_MAX: usize = 16;

/// A project directory that cannot be read.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// It is not there.
    #[error("there is no directory {0}")]
    NoDirectory(PathBuf),
    /// Nothing in it is ours.
    #[error("{0} has none of manifests/, upgrade-paths/, templates/, orchestrate.yaml")]
    NoProject(PathBuf),
    /// A file or folder cannot be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Folders in folders without end.
    #[error("{0} is too deep; does a link lead back up?")]
    TooDeep(PathBuf),
}

/// Every YAML file of a project, in the order of their paths.
pub fn read_project(directory: &Path) -> Result<Vec<SourceFile>, ConfigError> {
    if !directory.is_dir() {
        return Err(ConfigError::NoDirectory(directory.to_owned()));
    }
    let mut files = Vec::new();
    let mut found = false;
    for name in [PROJECT_FILE, MISNAMED_PROJECT_FILE] {
        let project = directory.join(name);
        if project.is_file() {
            found = true;
            files.push(read(directory, &project)?);
        }
    }
    for folder in FOLDERS {
        let folder = directory.join(folder);
        if folder.is_dir() {
            found = true;
            walk(directory, &folder, 0, &mut files)?;
        }
    }
    if !found {
        return Err(ConfigError::NoProject(directory.to_owned()));
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn walk(root: &Path, folder: &Path, depth: usize, files: &mut Vec<SourceFile>) -> Result<(), ConfigError> {
    if depth > DEPTH_MAX {
        return Err(ConfigError::TooDeep(folder.to_owned()));
    }
    let unreadable = |source| ConfigError::Unreadable { path: folder.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if is_hidden {
            continue;
        }
        if path.is_dir() {
            walk(root, &path, depth + 1, files)?;
        } else if is_yaml {
            files.push(read(root, &path)?);
        }
    }
    Ok(())
}

fn read(root: &Path, path: &Path) -> Result<SourceFile, ConfigError> {
    let bytes = std::fs::read(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let relative = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    Ok(SourceFile { path: Arc::from(parts.join("/")), bytes })
}
