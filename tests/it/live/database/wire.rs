//! The connection itself: answers that never come, servers that tell their progress for hours, users who may not write.

use std::net::SocketAddr;
use std::time::Duration;

use orchestrate::database::{Database, Location, Statement, Trouble};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{LONG, act, ask, count, create, fresh, open, statement, unique, url_of};

/// Passes everything on until a client says `word`; the server hears that too, but its answer does not come back.
async fn cut_after(word: &'static str, server: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&server).await.expect("the server is there");
            tokio::spawn(pass(client, server, word));
        }
    });
    address
}

async fn pass(client: TcpStream, server: TcpStream, word: &str) {
    let (mut client_read, mut client_write) = client.into_split();
    let (mut server_read, mut server_write) = server.into_split();
    let back =
        tokio::spawn(async move { tokio::io::copy(&mut server_read, &mut client_write).await.map(|_| server_read) });
    let mut buffer = Vec::new();
    loop {
        buffer.resize(1 << 16, 0);
        let length = client_read.read(&mut buffer).await.unwrap_or(0);
        buffer.truncate(length);
        if String::from_utf8_lossy(&buffer).contains(word) {
            break;
        }
        if length == 0 || server_write.write_all(&buffer).await.is_err() {
            return;
        }
    }
    // With both halves towards it gone, the client sees the end; the server sees none.
    back.abort();
    assert!(back.await.is_err(), "it has no end of its own");
    drop(client_read);
    server_write.write_all(&buffer).await.expect("the server listens");
    std::future::pending::<()>().await;
}

fn through(location: &Location, address: SocketAddr) -> Database {
    let mut url = url::Url::parse(location.url.expose()).expect("it is a URL");
    url.set_ip_host(address.ip()).expect("it has a host");
    url.set_port(Some(address.port())).expect("it has a host");
    let url = orchestrate::model::Secret::new(url.as_str());
    Database::open(&Location { url, ..location.clone() }).expect("the URL is right")
}

fn server_of(location: &Location) -> String {
    let url = url::Url::parse(location.url.expose()).expect("it is a URL");
    format!("{}:{}", url.host_str().expect("it has a host"), url.port_or_known_default().expect("it has a port"))
}

async fn until(mut met: impl AsyncFnMut() -> bool) {
    let waited = async {
        while !met().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, waited).await.expect("it comes to pass");
}

#[tokio::test]
async fn a_commit_without_an_answer_is_told_by_its_mark() {
    let (location, direct) = fresh(&url_of("ORCHESTRATE_TEST_POSTGRES_URL")).await;
    create(&direct).await;
    let database = through(&location, cut_after("COMMIT", server_of(&location)).await);
    let tag = unique("orchestrate:lost");
    let insert = Statement { transaction: true, mark: true, ..statement("INSERT INTO a VALUES (1, '')", &tag) };
    let error = database.run(&insert).await.expect_err("the answer is cut off");
    assert_eq!(error.trouble, Trouble::Lost, "{error}");
    until(async || direct.has_mark(&tag).await == Ok(true)).await;
    assert_eq!(count(&direct, "a").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_cut_in_the_middle_leaves_no_mark() {
    let (location, direct) = fresh(&url_of("ORCHESTRATE_TEST_POSTGRES_URL")).await;
    create(&direct).await;
    let database = through(&location, cut_after("INSERT INTO a", server_of(&location)).await);
    let tag = unique("orchestrate:cut");
    let insert = Statement { transaction: true, mark: true, ..statement("INSERT INTO a VALUES (1, '')", &tag) };
    let error = database.run(&insert).await.expect_err("the answer is cut off");
    assert_eq!(error.trouble, Trouble::Lost, "{error}");
    // Its transaction is still open on the server, and found.
    assert_eq!(direct.end(&tag).await, Ok(true));
    assert_eq!(direct.has_mark(&tag).await, Ok(false));
    assert_eq!(count(&direct, "a").await.as_deref(), Some("0"));
}

#[tokio::test]
async fn an_insert_without_an_answer_is_lost_and_may_be_done() {
    for variable in ["ORCHESTRATE_TEST_CLICKHOUSE_URL", "ORCHESTRATE_TEST_CLICKHOUSE_OLD_URL"] {
        let (location, direct) = fresh(&url_of(variable)).await;
        create(&direct).await;
        let database = through(&location, cut_after("INSERT INTO a", server_of(&location)).await);
        let error = act(&database, "INSERT INTO a VALUES (1, '')").await.expect_err("the answer is cut off");
        assert_eq!(error.trouble, Trouble::Lost, "{error}");
        until(async || count(&direct, "a").await.as_deref() == Some("1")).await;
    }
}

/// A server that looks at the head of a request for its answer.
async fn fake(answer: impl Fn(&str) -> String + Send + 'static) -> Database {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut request = vec![0; 1 << 16];
            let length = client.read(&mut request).await.expect("the client asks");
            let answer = answer(&String::from_utf8_lossy(&request[..length]));
            client.write_all(answer.as_bytes()).await.expect("the client listens");
        }
    });
    open(&format!("http://{address}"))
}

/// An answer in full.
fn reply(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_user_who_may_change_no_setting_may_ask() {
    let refusals = [
        "Code: 164, e.displayText() = DB::Exception: Cannot override setting (readonly) in readonly mode, e.what() = DB::Exception",
        "Code: 164. DB::Exception: Cannot modify 'max_execution_time' setting in readonly mode. (READONLY) (version 26.9.2.1)",
    ];
    for refusal in refusals {
        let database = fake(move |request| {
            let sets = request
                .lines()
                .next()
                .is_some_and(|line| line.contains("readonly") || line.contains("max_execution_time"));
            if sets { reply("500 Internal Server Error", refusal) } else { reply("200 OK", "1\nUInt8\n1\n") }
        });
        assert_eq!(ask(&database.await, "SELECT 1").await, Ok(Some("1".into())));
    }
    let write = "Code: 164. DB::Exception: Cannot execute query in readonly mode. (READONLY) (version 26.9.2.1)";
    let database = fake(move |request| {
        let sets = request.lines().next().is_some_and(|line| line.contains("readonly"));
        if sets { reply("500 Internal Server Error", write) } else { reply("200 OK", "") }
    });
    let error = ask(&database.await, "DROP TABLE a").await.expect_err("it is not asked again without the settings");
    assert_eq!(error.to_string(), "main: Cannot execute query in readonly mode. (READONLY) (code 164)");
}

#[tokio::test]
async fn hours_of_progress_in_headers_harm_nothing() {
    let progress = "X-ClickHouse-Progress: {\"read_rows\":\"1\"}\r\n".repeat(20_000);
    let summary = "X-ClickHouse-Summary: {\"written_rows\":\"7\"}\r\n";
    let database = fake(move |_| format!("HTTP/1.1 200 OK\r\n{progress}{summary}Content-Length: 0\r\n\r\n")).await;
    let effect = act(&database, "INSERT INTO a SELECT 1").await.expect("the headers are read");
    assert_eq!(effect.rows_affected, Some(7));
}

#[tokio::test]
async fn an_answer_of_a_proxy_is_no_answer_of_the_server() {
    let database = fake(|_| reply("504 Gateway Timeout", "too late")).await;
    let error = act(&database, "INSERT INTO a SELECT 1").await.expect_err("nobody knows");
    assert_eq!((error.trouble, error.to_string()), (Trouble::Lost, "main: too late".to_owned()));
    let cut = fake(|_| reply("200 OK", "a\nUInt8\n1")).await;
    assert_eq!(ask(&cut, "SELECT 1 AS a").await.map_err(|error| error.trouble), Err(Trouble::Lost));
}

#[tokio::test]
async fn a_silent_server_is_not_waited_for_without_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    for scheme in ["http", "postgres"] {
        let database = open(&format!("{scheme}://{address}"));
        let error = database.ask("SELECT 1", Duration::from_millis(50)).await.expect_err("nobody answers");
        assert_eq!(error.trouble, Trouble::Timeout, "{error}");
    }
}
