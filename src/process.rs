//! The one runner of commands: a program with its arguments, in a process group of its own that never outlives the call.
//!
//! It knows no shell and no retries, and does not judge exit codes. Commands inherit the environment of this process.

mod orphan;
mod output;

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use process_wrap::tokio::{ChildWrapper, CommandWrap, ProcessGroup};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::signal::unix::SignalKind;
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::CancellationToken;

pub use orphan::{TAG, end, is_running};
pub use output::{Captured, Stream, Watch};

use output::Tail;

/// How long a group that was asked to end may take, before it is killed.
pub const GRACE: Duration = Duration::from_secs(10);
/// How long output is waited for that a process of the group holds open after its leader's end.
const DRAIN: Duration = Duration::from_secs(1);
/// How often it is asked whether a group is gone.
const POLL: Duration = Duration::from_millis(10);

/// A command to run.
#[derive(Clone, Copy)]
pub struct Command<'a> {
    /// Program and arguments.
    pub argv: &'a [String],
    /// Variables besides those of this process.
    pub env: &'a BTreeMap<String, String>,
    /// The folder it runs in, else that of this process.
    pub cwd: Option<&'a Path>,
    /// How long it may take.
    pub timeout: Duration,
    /// How long it may take to end when it is asked to, mostly [`GRACE`].
    pub grace: Duration,
    /// Ends it early.
    pub cancel: &'a CancellationToken,
    /// Is told its lines as they come.
    pub watch: Option<Watch<'a>>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// A command that ended by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// How.
    pub exit: Exit,
    /// What it wrote.
    pub output: Output,
    /// How long it took.
    pub duration: Duration,
}

/// What a command wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// To its standard output.
    pub stdout: Captured,
    /// To its standard error.
    pub stderr: Captured,
}

/// A command that did not end by itself. Arguments and variables may hold secrets and are not told.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// There is nothing to run.
    #[error("the command is empty")]
    NoProgram,
    /// The program is not there: nothing was done.
    #[error("there is no program `{program}`")]
    NotFound {
        /// Its name.
        program: String,
    },
    /// The folder is not there: nothing was done.
    #[error("there is no folder {}", .0.display())]
    NoFolder(PathBuf),
    /// The program cannot be started: nothing was done.
    #[error("`{program}` cannot be started")]
    CannotStart {
        /// Its name.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It took too long and was ended; what it has done is not known.
    #[error("`{program}` did not end within {timeout:?} and was stopped")]
    TimedOut {
        /// Its name.
        program: String,
        /// The time it had.
        timeout: Duration,
        /// What it had written.
        output: Box<Output>,
    },
    /// It was ended on request; what it has done is not known.
    #[error("`{program}` was stopped")]
    Cancelled {
        /// Its name.
        program: String,
        /// What it had written.
        output: Box<Output>,
    },
    /// It cannot be waited for; what it has done is not known.
    #[error("`{program}` was lost")]
    Lost {
        /// Its name.
        program: String,
        /// Why.
        source: io::Error,
    },
}

/// Runs a command to its end. When it returns, or is dropped, no process of the command's group is left.
pub async fn run(command: Command<'_>) -> Result<Finished, ProcessError> {
    let begin = Instant::now();
    let program = command.argv.first().ok_or(ProcessError::NoProgram)?.clone();
    let mut group = Group(start(command, &program)?);
    let (stdout, stderr) = (group.0.stdout().take(), group.0.stderr().take());
    let mut watched = Watched {
        group: &mut group,
        stdout: Pipe::new(stdout, Tail::new(Stream::Stdout, command.watch)),
        stderr: Pipe::new(stderr, Tail::new(Stream::Stderr, command.watch)),
    };
    let waited = watched.until_end(command).await;
    watched.clear().await;
    let output = Output { stdout: watched.stdout.tail.finish(), stderr: watched.stderr.tail.finish() };
    match waited {
        Err(source) => Err(ProcessError::Lost { program, source }),
        Ok((status, None)) => Ok(Finished { exit: exit(status), output, duration: begin.elapsed() }),
        Ok((_, Some(Stop::Timeout))) => {
            Err(ProcessError::TimedOut { program, timeout: command.timeout, output: Box::new(output) })
        }
        Ok((_, Some(Stop::Request))) => Err(ProcessError::Cancelled { program, output: Box::new(output) }),
    }
}

fn start(command: Command<'_>, program: &str) -> Result<Box<dyn ChildWrapper>, ProcessError> {
    if let Some(folder) = command.cwd.filter(|folder| !folder.is_dir()) {
        return Err(ProcessError::NoFolder(folder.to_owned()));
    }
    if command.cancel.is_cancelled() {
        return Err(ProcessError::Cancelled { program: program.to_owned(), output: Box::default() });
    }
    let mut wrap = CommandWrap::with_new(program, |process| {
        process.args(&command.argv[1..]).envs(command.env);
        process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(folder) = command.cwd {
            process.current_dir(folder);
        }
    });
    wrap.wrap(ProcessGroup::leader());
    let program = program.to_owned();
    wrap.spawn().map_err(|source| {
        if source.kind() == io::ErrorKind::NotFound {
            ProcessError::NotFound { program }
        } else {
            ProcessError::CannotStart { program, source }
        }
    })
}

fn exit(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or_default()),
    }
}

/// The processes of a command, killed when they are dropped.
struct Group(Box<dyn ChildWrapper>);

impl Group {
    /// Whether a process of the group is left. The signal that asks is one that programs ignore.
    fn is_alive(&self) -> bool {
        self.0.signal(SignalKind::child().as_raw_value()).is_ok()
    }

    fn ask_to_end(&self) {
        if let Err(error) = self.0.signal(SignalKind::terminate().as_raw_value()) {
            tracing::debug!(%error, "the group is gone already");
        }
    }

    fn kill(&mut self) {
        if let Err(error) = self.0.start_kill() {
            tracing::debug!(%error, "the group is gone already");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Why a command is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Timeout,
    Request,
}

/// One stream with what has come of it.
struct Pipe<'a, R> {
    reader: Option<R>,
    tail: Tail<'a>,
}

impl<'a, R: AsyncRead + Unpin> Pipe<'a, R> {
    fn new(reader: Option<R>, tail: Tail<'a>) -> Pipe<'a, R> {
        Pipe { reader, tail }
    }

    /// Reads what is there; waits for ever once the stream has ended.
    async fn read(&mut self) {
        let Some(reader) = &mut self.reader else { return std::future::pending().await };
        let mut buffer = [0; 8 * 1024];
        match reader.read(&mut buffer).await {
            Ok(0) | Err(_) => self.reader = None,
            Ok(length) => self.tail.push(&buffer[..length]),
        }
    }
}

/// A running command and its streams.
struct Watched<'a, O, E> {
    group: &'a mut Group,
    stdout: Pipe<'a, O>,
    stderr: Pipe<'a, E>,
}

impl<O: AsyncRead + Unpin, E: AsyncRead + Unpin> Watched<'_, O, E> {
    /// Waits for the leader's end; it is asked to end, and then killed, when it takes too long or is not wanted any more.
    async fn until_end(&mut self, command: Command<'_>) -> io::Result<(ExitStatus, Option<Stop>)> {
        let mut deadline = pin!(sleep(command.timeout));
        let mut stop = None;
        let mut is_killed = false;
        let status = loop {
            let reason = tokio::select! {
                status = self.group.0.wait() => break status?,
                () = self.stdout.read() => continue,
                () = self.stderr.read() => continue,
                () = command.cancel.cancelled(), if stop.is_none() => Stop::Request,
                () = deadline.as_mut(), if !is_killed => Stop::Timeout,
            };
            if stop.is_none() {
                stop = Some(reason);
                self.group.ask_to_end();
                restart(deadline.as_mut(), command.grace);
            } else {
                is_killed = true;
                self.group.kill();
            }
        };
        // The leader may have been quicker than those whom it started, which were asked as well.
        while stop.is_some() && !is_killed && self.group.is_alive() {
            tokio::select! {
                () = self.stdout.read() => {}
                () = self.stderr.read() => {}
                () = sleep(POLL) => {}
                () = deadline.as_mut() => is_killed = true,
            }
        }
        Ok((status, stop))
    }

    /// Reads what is left and kills what is left. Who left the group may still hold a stream, and is not waited for.
    async fn clear(&mut self) {
        self.drain().await;
        self.group.kill();
        let mut deadline = pin!(sleep(DRAIN));
        while self.group.is_alive() {
            tokio::select! {
                () = sleep(POLL) => {}
                () = deadline.as_mut() => break,
            }
        }
        self.drain().await;
    }

    async fn drain(&mut self) {
        let mut deadline = pin!(sleep(DRAIN));
        while self.stdout.reader.is_some() || self.stderr.reader.is_some() {
            tokio::select! {
                () = self.stdout.read() => {}
                () = self.stderr.read() => {}
                () = deadline.as_mut() => break,
            }
        }
    }
}

fn restart(deadline: Pin<&mut Sleep>, after: Duration) {
    let now = Instant::now();
    deadline.reset(now.checked_add(after).unwrap_or(now));
}
