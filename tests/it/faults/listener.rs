//! A small HTTP server that counts what is called, and may keep its answers to itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server that answers 200 to everything.
pub struct Listener {
    port: u16,
    calls: Arc<Mutex<Calls>>,
}

#[derive(Default)]
struct Calls {
    counts: BTreeMap<String, u32>,
    whole: Vec<String>,
    lose: Option<String>,
    refuse: Option<String>,
}

impl Listener {
    pub async fn start() -> Listener {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("the listener is bound").port();
        let calls = Arc::new(Mutex::new(Calls::default()));
        let shared = Arc::clone(&calls);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(answer(client, Arc::clone(&shared)));
            }
        });
        Listener { port, calls }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn calls(&self) -> std::sync::MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often each path was called and answered well, or would have been.
    pub fn counts(&self) -> BTreeMap<String, u32> {
        self.calls().counts.clone()
    }

    /// Every request as it came.
    pub fn whole(&self) -> Vec<String> {
        self.calls().whole.clone()
    }

    pub fn forget(&self) {
        *self.calls() = Calls::default();
    }

    /// Does what the next call of a path wants, and says nothing.
    pub fn lose(&self, path: &str) {
        self.calls().lose = Some(path.to_owned());
    }

    /// Answers 500 to a path, and does nothing.
    pub fn refuse(&self, path: Option<&str>) {
        self.calls().refuse = path.map(str::to_owned);
    }
}

async fn answer(mut client: TcpStream, calls: Arc<Mutex<Calls>>) {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut bytes = [0; 4096];
        let Ok(length @ 1..) = client.read(&mut bytes).await else { return };
        request.extend_from_slice(&bytes[..length]);
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split([' ', '?']).nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    let status = {
        let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.whole.push(request);
        if calls.refuse.as_deref() == Some(&path) {
            "500 No"
        } else {
            *calls.counts.entry(path.clone()).or_default() += 1;
            if calls.lose.take_if(|lost| **lost == path).is_some() {
                return;
            }
            "200 OK"
        }
    };
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    drop(client.write_all(answer.as_bytes()).await);
}
