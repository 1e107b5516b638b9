//! A door between a program and Postgres that can be slammed at a chosen moment, and that knows what was said through it.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const OPEN: u8 = 0;
const CUT_BEFORE_COMMIT: u8 = 1;
const CUT_AFTER_COMMIT: u8 = 2;
const SHUT: u8 = 3;
const SILENT: u8 = 4;

/// A listening address that forwards to a server.
pub struct Proxy {
    port: u16,
    state: Arc<AtomicU8>,
    slam: watch::Sender<u64>,
    said: Said,
}

/// What the clients said, connection by connection.
type Said = Arc<Mutex<Vec<Vec<u8>>>>;

impl Proxy {
    /// Listens on a free port for a server of a URL.
    pub async fn to(url: &str) -> Proxy {
        let server = url::Url::parse(url).expect("the URL can be read");
        let server = format!("{}:{}", server.host_str().expect("a host"), server.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("the listener is bound").port();
        let state = Arc::new(AtomicU8::new(OPEN));
        let (slam, _) = watch::channel(0);
        let (shared, slams) = (Arc::clone(&state), slam.clone());
        let said = Said::default();
        let heard = Arc::clone(&said);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if shared.load(Ordering::SeqCst) != SHUT {
                    let server = TcpStream::connect(&server).await.expect("the server listens");
                    let number = connect(&heard);
                    let ear = (Arc::clone(&heard), number);
                    tokio::spawn(forward(client, server, Arc::clone(&shared), slams.subscribe(), ear));
                }
            }
        });
        Proxy { port, state, slam, said }
    }

    /// A URL of the server, through this door.
    pub fn through(&self, url: &str) -> String {
        let mut url = url::Url::parse(url).expect("the URL can be read");
        url.set_host(Some("127.0.0.1")).expect("the URL has a host");
        url.set_port(Some(self.port)).expect("the URL has a port");
        url.query_pairs_mut().append_pair("sslmode", "disable");
        url.to_string()
    }

    /// Loses the next commit before the server sees it.
    pub fn cut_before_commit(&self) {
        self.state.store(CUT_BEFORE_COMMIT, Ordering::SeqCst);
    }

    /// Loses the server's answer to the next commit.
    pub fn cut_after_commit(&self) {
        self.state.store(CUT_AFTER_COMMIT, Ordering::SeqCst);
    }

    /// Ends every connection and takes no other.
    pub fn shut(&self) {
        self.state.store(SHUT, Ordering::SeqCst);
        self.slam.send_modify(|times| *times += 1);
    }

    /// Forwards nothing more on the connections that there are, and does not end them; new ones are forwarded.
    pub fn fall_silent(&self) {
        self.state.store(SILENT, Ordering::SeqCst);
        self.slam.send_modify(|times| *times += 1);
    }

    /// Takes connections again.
    pub fn open(&self) {
        self.state.store(OPEN, Ordering::SeqCst);
    }

    /// The kinds of the messages that the clients sent, connection by connection, without passwords and ends.
    pub fn questions(&self) -> Vec<String> {
        let said = self.said.lock().expect("nobody fails while it listens");
        said.iter().map(|said| kinds(said).trim_start_matches('p').trim_end_matches('X').to_owned()).collect()
    }

    /// Whether a commit was lost, as was ordered.
    pub fn has_cut(&self) -> bool {
        self.state.load(Ordering::SeqCst) == OPEN
    }
}

fn connect(said: &Said) -> usize {
    let mut said = said.lock().expect("nobody fails while it listens");
    said.push(Vec::new());
    said.len() - 1
}

/// The letters of a client's messages: `Q` is a question, `P`, `B`, `D`, `E` and `S` are the parts of one with parameters, `p` a
/// password, `X` the end. The first message, which has no letter, is left out.
fn kinds(said: &[u8]) -> String {
    let length = |at: usize| {
        let bytes = said.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).expect("a message has a length");
        usize::try_from(u32::from_be_bytes(bytes)).expect("a message is short")
    };
    let mut at = length(0);
    let mut kinds = String::new();
    while at < said.len() {
        kinds.push(char::from(said[at]));
        at += 1 + length(at + 1);
    }
    kinds
}

/// Forwards both ways until one side ends, the door is slammed, or the commit that is to be lost comes by.
async fn forward(
    mut client: TcpStream,
    mut server: TcpStream,
    state: Arc<AtomicU8>,
    mut slam: watch::Receiver<u64>,
    (heard, number): (Said, usize),
) {
    let (mut from_client, mut from_server) = (vec![0; 65_536], vec![0; 65_536]);
    let turn = |from| state.compare_exchange(from, OPEN, Ordering::SeqCst, Ordering::SeqCst).is_ok();
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => {
                let Ok(length @ 1..) = read else { return };
                let said = &from_client[..length];
                heard.lock().expect("nobody fails while it listens")[number].extend_from_slice(said);
                let is_commit = said.windows(7).any(|word| word == b"COMMIT\0");
                if is_commit && turn(CUT_BEFORE_COMMIT) {
                    return;
                }
                let is_last = is_commit && state.load(Ordering::SeqCst) == CUT_AFTER_COMMIT;
                if server.write_all(said).await.is_err() {
                    return;
                }
                if is_last {
                    let answered = server.read(&mut from_server).await;
                    assert!(matches!(answered, Ok(1..)), "{answered:?}");
                    assert!(turn(CUT_AFTER_COMMIT), "one commit is lost at a time");
                    return;
                }
            }
            read = server.read(&mut from_server) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&from_server[..length]).await.is_err() {
                    return;
                }
            }
            _ = slam.changed() => {
                if state.load(Ordering::SeqCst) == SILENT {
                    std::future::pending::<()>().await;
                }
                return;
            }
        }
    }
}
