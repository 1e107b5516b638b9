//! Calls of URLs against a server that answers word for word what a test says, or goes away.

use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;
use std::time::Duration;

use orchestrate::http::{Answer, BODY_BYTES_MAX, Call, Caller, HttpError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const LONG: Duration = Duration::from_secs(60);

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    runtime.block_on(future)
}

/// What a server does with the one call that it gets.
enum Server {
    Answers(Vec<u8>),
    Hangs,
}

/// Calls a server: the request as it came, and what the call gave.
fn call_with(server: Server, change: impl FnOnce(&mut Call<'_>)) -> (String, Result<Answer, HttpError>) {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let url = format!("http://user:hunter2@127.0.0.1:{port}/path?token=hunter2");
        let headers = BTreeMap::from([("X-Token".to_owned(), "hunter2".to_owned())]);
        let mut call = Call {
            method: "POST",
            url: &url,
            headers: &headers,
            body: Some("the body"),
            expect_status: 200,
            timeout: LONG,
        };
        change(&mut call);
        let caller = Caller::new().expect("a client can be made");
        let serve = async {
            let (mut stream, _) = listener.accept().await.expect("somebody calls");
            let mut request = Vec::new();
            while !request.ends_with(b"the body") {
                assert_ne!(stream.read_buf(&mut request).await.expect("it can be read"), 0, "the request is whole");
            }
            match server {
                Server::Answers(answer) => {
                    // Who has read enough goes away before the end.
                    let is_read = stream.write_all(&answer).await.is_ok();
                    assert!(is_read || answer.len() > BODY_BYTES_MAX);
                    drop(stream);
                }
                Server::Hangs => while stream.read_u8().await.is_ok() {},
            }
            String::from_utf8(request).expect("the request is text")
        };
        tokio::join!(serve, caller.call(call))
    })
}

fn answered(status: &str, body: &str) -> Server {
    let length = body.len();
    Server::Answers(format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes())
}

/// An error with all its causes; none of them may hold a secret.
fn chain(error: &HttpError) -> String {
    let mut chain = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        chain = format!("{chain}: {error}");
        cause = error.source();
    }
    assert!(!format!("{chain} {error:?}").contains("hunter2"), "{chain} {error:?}");
    chain
}

#[test]
fn an_expected_answer_is_given_back() {
    let (request, answer) = call_with(answered("201 Created", "done"), |call| call.expect_status = 201);
    assert_eq!(answer.ok(), Some(Answer { status: 201, body: "done".to_owned(), is_cut: false }));
    let lines: Vec<String> = request.lines().map(str::to_lowercase).collect();
    assert_eq!(lines[0], "post /path?token=hunter2 http/1.1");
    assert!(lines.contains(&"x-token: hunter2".to_owned()), "{request}");
    assert!(lines.contains(&"authorization: basic dxnlcjpodw50zxiy".to_owned()), "{request}");
}

#[test]
fn another_status_is_told_with_its_body_and_a_redirect_is_one() {
    let (_, answer) = call_with(answered("503 Busy", "later"), |_| {});
    let error = answer.expect_err("503 is not 200");
    assert!(chain(&error).starts_with("POST http://127.0.0.1:"), "{error}");
    assert!(error.to_string().ends_with(" answered 503 instead of 200"), "{error}");
    assert!(matches!(error, HttpError::Status { answer, .. } if answer.body == "later"));
    let redirect = Server::Answers(b"HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n".to_vec());
    let (_, answer) = call_with(redirect, |_| {});
    assert!(matches!(answer, Err(HttpError::Status { answer, .. }) if answer.status == 302));
}

#[test]
fn a_long_body_is_read_in_part() {
    let (_, answer) = call_with(answered("200 OK", &"x".repeat(4 * BODY_BYTES_MAX)), |_| {});
    let answer = answer.expect("the status is the expected one");
    assert!(answer.is_cut && answer.body.len() == BODY_BYTES_MAX);
}

#[test]
fn what_was_sent_without_an_answer_is_lost() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this".to_vec();
    for server in [Server::Answers(Vec::new()), Server::Answers(cut), Server::Hangs] {
        let timeout = if matches!(server, Server::Hangs) { Duration::from_millis(200) } else { LONG };
        let (_, answer) = call_with(server, |call| call.timeout = timeout);
        let error = answer.expect_err("there is no whole answer");
        chain(&error);
        assert!(matches!(error, HttpError::Lost { .. }), "{error:?}");
    }
}

#[test]
fn without_a_connection_nothing_was_sent() {
    let headers = BTreeMap::new();
    let call = |url: String| {
        let headers = &headers;
        block_on(async move {
            let caller = Caller::new().expect("a client can be made");
            let call = Call { method: "GET", url: &url, headers, body: None, expect_status: 200, timeout: LONG };
            caller.call(call).await.expect_err("nobody listens there")
        })
    };
    let free = block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        listener.local_addr().expect("it is bound").port()
    });
    for url in [format!("http://u:hunter2@127.0.0.1:{free}/?a=hunter2"), "https://hunter2@no-such.invalid/".to_owned()]
    {
        let error = call(url);
        chain(&error);
        assert!(matches!(error, HttpError::NotSent { .. }), "{error:?}");
    }
    assert!(call(format!("http://127.0.0.1:{free}")).to_string().ends_with(" was not sent"));
    let invalid = |url: &str| call(url.to_owned()).to_string();
    assert_eq!(invalid("hunter2"), "the call cannot be sent: the URL cannot be read");
    assert_eq!(invalid("ftp://x"), "the call cannot be sent: the URL begins neither with http:// nor with https://");
}
