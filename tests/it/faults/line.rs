//! A line between a program and a server, which can lose an answer or be down for a while.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A listening address that forwards to a server.
pub struct Line {
    port: u16,
    plan: Arc<Mutex<Plan>>,
    slam: watch::Sender<u64>,
}

#[derive(Default)]
struct Plan {
    /// The answer to this many-th message with this text is lost.
    lose: Option<(&'static str, u32)>,
    is_down: bool,
}

impl Line {
    /// Listens on a free port for the server of a URL.
    pub async fn to(url: &str) -> Line {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        Line::between(listener, address(url, "127.0.0.1"))
    }

    /// Listens on one port of both addresses of two shards, for the servers of a URL at theirs.
    pub async fn to_two_shards(url: &str) -> [Line; 2] {
        loop {
            let first = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
            let port = first.local_addr().expect("the listener is bound").port();
            if let Ok(second) = TcpListener::bind(("127.0.0.2", port)).await {
                let line = |listener, host| Line::between(listener, address(url, host));
                return [line(first, "127.0.0.1"), line(second, "127.0.0.2")];
            }
        }
    }

    fn between(listener: TcpListener, server: String) -> Line {
        let port = listener.local_addr().expect("the listener is bound").port();
        let plan = Arc::new(Mutex::new(Plan::default()));
        let (slam, _) = watch::channel(0);
        let (shared, slams) = (Arc::clone(&plan), slam.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if !shared.lock().unwrap_or_else(PoisonError::into_inner).is_down {
                    let server = TcpStream::connect(&server).await.expect("the server listens");
                    tokio::spawn(forward(client, server, Arc::clone(&shared), slams.subscribe()));
                }
            }
        });
        Line { port, plan, slam }
    }

    /// A URL of the server, along this line.
    pub fn through(&self, url: &str) -> String {
        let mut url = url::Url::parse(url).expect("the URL can be read");
        url.set_host(Some("127.0.0.1")).expect("the URL has a host");
        url.set_port(Some(self.port)).expect("the URL has a port");
        if url.scheme() == "postgres" {
            url.query_pairs_mut().append_pair("sslmode", "disable");
        }
        url.to_string()
    }

    fn change(&self, change: impl FnOnce(&mut Plan)) {
        change(&mut self.plan.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Loses the answer to the `count`-th message from now on that holds a text, with its connection.
    pub fn lose(&self, text: &'static str, count: u32) {
        self.change(|plan| plan.lose = Some((text, count)));
    }

    /// Whether what was to be lost is lost. Nothing more is to be lost from here on.
    pub fn has_lost(&self) -> bool {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).lose.take().is_none()
    }

    /// Ends every connection and takes no other.
    pub fn go_down(&self) {
        self.change(|plan| plan.is_down = true);
        self.slam.send_modify(|times| *times += 1);
    }

    /// Takes connections again.
    pub fn come_back(&self) {
        self.change(|plan| plan.is_down = false);
    }
}

/// The port of a URL at an address.
fn address(url: &str, host: &str) -> String {
    let url = url::Url::parse(url).expect("the URL can be read");
    format!("{host}:{}", url.port().expect("a port"))
}

/// Whether the answer to a message is the one that is to be lost.
fn is_to_be_lost(plan: &Mutex<Plan>, message: &[u8]) -> bool {
    let mut plan = plan.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((text, count)) = &mut plan.lose else { return false };
    if !message.windows(text.len()).any(|window| window == text.as_bytes()) {
        return false;
    }
    *count -= 1;
    let is_the_one = *count == 0;
    if is_the_one {
        plan.lose = None;
    }
    is_the_one
}

/// Forwards both ways until one side ends, the line goes down, or an answer is lost.
async fn forward(mut client: TcpStream, mut server: TcpStream, plan: Arc<Mutex<Plan>>, mut slam: watch::Receiver<u64>) {
    let (mut from_client, mut from_server) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => {
                let Ok(length @ 1..) = read else { return };
                let is_last = is_to_be_lost(&plan, &from_client[..length]);
                if server.write_all(&from_client[..length]).await.is_err() {
                    return;
                }
                if is_last {
                    let answered = server.read(&mut from_server).await;
                    assert!(matches!(answered, Ok(1..)), "{answered:?}");
                    return;
                }
            }
            read = server.read(&mut from_server) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&from_server[..length]).await.is_err() {
                    return;
                }
            }
            _ = slam.changed() => return,
        }
    }
}
