//! Just enough of an HTTP client to wake up a function.

use std::net::Ipv4Addr;
use std::time::Duration;

use shared::runtime::logging::PROBE_AGENT;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Whether anything accepts connections on a port of 127.0.0.1.
pub(crate) async fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok()
}

/// Waits until something accepts connections. Returns `false` on timeout.
pub(crate) async fn wait_until_listening(port: u16, patience: Duration) -> bool {
    let listening = async {
        while !listens(port).await {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(patience, listening).await.is_ok()
}

/// Sends a request with a JSON body to 127.0.0.1 and returns the status.
pub(crate) async fn status(port: u16, method: &str, path: &str, body: &str) -> std::io::Result<u16> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nUser-Agent: {PROBE_AGENT}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| std::io::Error::other(format!("not an HTTP answer: {line:?}")))
}
