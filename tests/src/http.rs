//! One HTTP/1.1 request over a socket, and its answer.

#![expect(clippy::panic, reason = "a helper of tests: what does not work fails the test")]

use serde_json::Value;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers, in lower case.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON, of an answer that must be 200.
    ///
    /// # Panics
    /// Where it is not.
    pub fn ok(self) -> Value {
        assert!(self.status == 200, "{} {}\n{}", self.status, self.head, self.body);
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// A header's value; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| line.split_once(": ").filter(|(n, _)| *n == name));
        line.map(|(_, value)| value).unwrap_or_default()
    }

    /// The error's name, in lower case, and its message.
    #[must_use]
    pub fn error(&self) -> (u16, String, String) {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let message = body.get("message").or_else(|| body.get("Message")).and_then(Value::as_str);
        (self.status, self.header("x-amzn-errortype").to_owned(), message.unwrap_or_default().to_owned())
    }

    /// Asserts that it is this error, with a message that has this in it.
    ///
    /// # Panics
    /// Where it is another.
    pub fn refused(&self, status: u16, code: &str, message: &str) {
        let (found, name, text) = self.error();
        assert!(
            found == status && name == code.to_lowercase() && text.contains(message),
            "expected {status} {code} with `{message}`, got {found} {name}: {text}"
        );
    }
}

/// Sends one request and reads the answer to the end of the connection.
///
/// # Panics
/// Where there is no whole answer within the socket's deadline.
pub fn send<S: Read + Write>(stream: S, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    try_send(stream, method, path, headers, body)
        .unwrap_or_else(|error| panic!("{method} {path} has no answer: {error}"))
}

/// The same, where the connection may be refused: its error.
///
/// # Errors
/// Whatever the connection ends with.
///
/// # Panics
/// Where the answer is not one of HTTP.
pub fn try_send<S: Read + Write>(
    mut stream: S,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Answer> {
    let host = headers.iter().find(|(name, _)| *name == "host").map_or("127.0.0.1", |(_, host)| host);
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    let headers = headers.iter().filter(|(name, _)| *name != "host");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    // A server that refuses early need not read all of the body: what counts is its answer.
    let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.write_all(body)).and_then(|()| stream.flush());
    let mut bytes = Vec::new();
    let mut piece = [0; 8192];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(piece.get(..count).unwrap_or_default()),
            Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => break,
            Err(error) => return Err(error),
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { panic!("{method} {path} has no answer: `{text}`") };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no status in `{head}`"));
    Ok(Answer { status, head: head.to_lowercase(), body: body.to_owned() })
}

/// One request to a server that may be killed meanwhile: its answer as far as it came, where at least the status did.
#[must_use]
pub fn answer_so_far(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    headers.iter().for_each(|(name, value)| request.push_str(&format!("{name}: {value}\r\n")));
    request.push_str("\r\n");
    let mut bytes = Vec::new();
    let sent = stream.write_all(request.as_bytes()).and_then(|()| stream.write_all(body));
    sent.and_then(|()| stream.read_to_end(&mut bytes)).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head: head.to_lowercase(), body: body.to_owned() })
}
