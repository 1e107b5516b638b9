//! The project directory: finds and reads its files. What they mean is [`crate::manifest`]'s.
//! Its environments are filled in by [`fill`].

mod built_in;
mod installation;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::manifest::{BYTES_MAX, SourceFile};

pub use built_in::with_built_in;
pub use installation::{FillError, FillReason, FilledTarget, Installation, Need, PickError, fill, pick, variable};

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
    /// Files or folders cannot be read: each with the reason.
    #[error("cannot read {}", .0.join(", "))]
    Unreadable(Vec<String>),
    /// Folders in folders without end.
    #[error("{0} is too deep; does a link lead back up?")]
    TooDeep(PathBuf),
}

/// Every YAML file of a project, in the order of their paths.
pub fn read_project(directory: &Path) -> Result<Vec<SourceFile>, ConfigError> {
    if !directory.is_dir() {
        return Err(ConfigError::NoDirectory(directory.to_owned()));
    }
    let mut walk = Walk { root: directory, files: Vec::new(), unreadable: Vec::new() };
    let mut found = false;
    for name in [PROJECT_FILE, MISNAMED_PROJECT_FILE] {
        let project = directory.join(name);
        // A link that leads nowhere is there as well, and told.
        if std::fs::symlink_metadata(&project).is_ok() {
            found = true;
            walk.file(&project);
        }
    }
    for folder in FOLDERS {
        let folder = directory.join(folder);
        if folder.is_dir() || folder.is_symlink() {
            found = true;
            walk.folder(&folder, 0)?;
        }
    }
    if !found {
        return Err(ConfigError::NoProject(directory.to_owned()));
    }
    if !walk.unreadable.is_empty() {
        walk.unreadable.sort();
        return Err(ConfigError::Unreadable(walk.unreadable));
    }
    walk.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(walk.files)
}

/// What was found so far.
struct Walk<'a> {
    root: &'a Path,
    files: Vec<SourceFile>,
    unreadable: Vec<String>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), ConfigError> {
        if depth > DEPTH_MAX {
            return Err(ConfigError::TooDeep(folder.to_owned()));
        }
        let entries: std::io::Result<Vec<_>> = std::fs::read_dir(folder).and_then(Iterator::collect);
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                self.refuse(folder, &error.to_string());
                return Ok(());
            }
        };
        for path in entries.iter().map(std::fs::DirEntry::path) {
            let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
            if is_hidden {
                continue;
            }
            if path.is_dir() {
                self.folder(&path, depth + 1)?;
            } else if is_yaml {
                self.file(&path);
            }
        }
        Ok(())
    }

    /// Reads a regular file, and no more of it than the loader would take: a device has no end.
    fn file(&mut self, path: &Path) {
        let read = || -> std::io::Result<Option<Vec<u8>>> {
            if !std::fs::metadata(path)?.is_file() {
                return Ok(None);
            }
            let mut bytes = Vec::new();
            std::fs::File::open(path)?.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
            Ok(Some(bytes))
        };
        match read() {
            Ok(Some(bytes)) => {
                let relative = path.strip_prefix(self.root).unwrap_or(path);
                let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
                self.files.push(SourceFile { path: Arc::from(parts.join("/")), bytes });
            }
            Ok(None) => self.refuse(path, "it is not a file"),
            Err(error) => self.refuse(path, &error.to_string()),
        }
    }

    fn refuse(&mut self, path: &Path, reason: &str) {
        self.unreadable.push(format!("{} ({reason})", path.display()));
    }
}
