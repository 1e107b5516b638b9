//! What there is to say of a SQLite file: whether it may be written, and how much room its disk has.

use std::path::Path;

use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};

use super::super::answer::Answer;
use super::super::error::Failure;
use super::super::examine::{Disk, Examination, Lack};
use super::file::Sqlite;

impl Sqlite {
    /// A file that is not there is not made.
    pub async fn examine(&self) -> Result<Examination, Failure> {
        let path = self.path().to_owned();
        let folder = folder(&path).to_owned();
        let mut examination = Examination::default();
        if access(&folder, AccessFlags::W_OK).is_err() {
            examination.lacks.push(Lack::certain(
                format!("nothing can be written into the folder {}", folder.display()),
                "make the folder, and let this user write there: SQLite keeps its log beside the file",
            ));
        }
        if !path.exists() {
            let message = format!("there is no file {} yet", path.display());
            examination
                .lacks
                .push(Lack::possible(message, "it is made when something is first sent to it; or correct the URL"));
            return Ok(examination);
        }
        if access(&path, AccessFlags::W_OK).is_err() {
            let message = format!("{} cannot be written", path.display());
            examination.lacks.push(Lack::certain(message, "let this user write to the file"));
        }
        let answer =
            self.ask("SELECT sqlite_version(), count(*) FROM sqlite_schema", super::super::target::OWN_TIMEOUT, 1);
        let version = answer.await.map(first)?;
        examination.version = version;
        examination.largest = std::fs::metadata(&path).ok().map(|file| file.len());
        examination.disks = disk(&folder).into_iter().collect();
        Ok(examination)
    }
}

/// The folder of a file, which stands in the present one where nothing is said.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn first(answer: Answer) -> Option<String> {
    Some(answer.rows.into_iter().next()?.into_iter().next()??.1)
}

fn disk(folder: &Path) -> Option<Disk> {
    let found = statvfs(folder).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.fragment_size());
    let (free, total) = (bytes(found.blocks_available()), bytes(found.blocks()));
    Some(Disk { name: folder.display().to_string(), free, total })
}
