//! What a command writes: its end is kept, its lines can be watched as they come.

/// How much of each stream is kept.
pub(super) const KEPT_BYTES_MAX: usize = 64 * 1024;
/// A longer line is told in parts.
const LINE_BYTES_MAX: usize = 8 * 1024;

/// The end of what a command wrote to one of its streams. Bytes that are not UTF-8 are replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// At most the last 64 KiB.
    pub text: String,
    /// How many bytes before it are left out.
    pub bytes_cut: u64,
}

/// One of a command's streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Is told each line as it comes, without its end.
pub type Watch<'a> = &'a (dyn Fn(Stream, &str) + Send + Sync);

/// A stream as far as it has come.
pub(super) struct Tail<'a> {
    stream: Stream,
    watch: Option<Watch<'a>>,
    kept: Vec<u8>,
    bytes_cut: u64,
    line: Vec<u8>,
}

impl<'a> Tail<'a> {
    pub fn new(stream: Stream, watch: Option<Watch<'a>>) -> Tail<'a> {
        Tail { stream, watch, kept: Vec::new(), bytes_cut: 0, line: Vec::new() }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
        // Cut in large strides, so that long output is not moved for every few bytes.
        if self.kept.len() > 2 * KEPT_BYTES_MAX {
            self.cut();
        }
        if self.watch.is_some() {
            for part in bytes.split_inclusive(|byte| *byte == b'\n') {
                self.line.extend_from_slice(part);
                if part.ends_with(b"\n") || self.line.len() >= LINE_BYTES_MAX {
                    self.tell();
                }
            }
        }
    }

    /// All of it, once nothing more comes.
    pub fn finish(mut self) -> Captured {
        if !self.line.is_empty() {
            self.tell();
        }
        self.cut();
        Captured { text: String::from_utf8_lossy(&self.kept).into_owned(), bytes_cut: self.bytes_cut }
    }

    fn tell(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        if let Some(watch) = self.watch {
            watch(self.stream, line.trim_end_matches(['\n', '\r']));
        }
        self.line.clear();
    }

    fn cut(&mut self) {
        let mut excess = self.kept.len().saturating_sub(KEPT_BYTES_MAX);
        // A character is not cut in two.
        while excess > 0 && self.kept.get(excess).is_some_and(|byte| byte & 0xc0 == 0x80) {
            excess += 1;
        }
        self.kept.drain(..excess);
        self.bytes_cut += excess as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn the_end_is_kept_and_what_is_cut_is_counted() {
        let mut tail = Tail::new(Stream::Stdout, None);
        for _ in 0..100_000 {
            tail.push("äö\n".as_bytes());
        }
        tail.push(b"\xff.");
        let captured = tail.finish();
        assert_eq!(captured.bytes_cut + captured.text.len() as u64, 500_002 + 2, "U+FFFD is two bytes longer");
        assert!(captured.text.len() <= KEPT_BYTES_MAX + 2 && captured.text.ends_with("äö\n\u{fffd}."));
        assert!(!captured.text.trim_end_matches("\u{fffd}.").contains('\u{fffd}'));
    }

    #[test]
    fn lines_are_told_as_they_come() {
        let told = Mutex::new(Vec::new());
        let watch = |stream, line: &str| told.lock().expect("no test panics in it").push((stream, line.to_owned()));
        let mut tail = Tail::new(Stream::Stderr, Some(&watch));
        ["a", "b\r\n\nc", "d"].into_iter().for_each(|part| tail.push(part.as_bytes()));
        assert_eq!(told.lock().expect("no test panics in it").len(), 2);
        tail.finish();
        let lines: Vec<String> =
            told.into_inner().expect("no test panics in it").into_iter().map(|told| told.1).collect();
        assert_eq!(lines, ["ab", "", "cd"]);
    }
}
