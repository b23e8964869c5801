//! An API server that knows Services and what stands behind them, as the name of the Service asks: for answers that no real controller gives.
//!
//! `controller` answers well; `status-409` refuses with that status, as text; `garbage` answers with something else; `nameless` has a port without a
//! name, `portless` none; `busy` lets every other call wait for a second; `missing` and `forbidden` are what they say.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

/// Starts it on a free port of the loopback; it runs until the program ends.
pub(crate) fn start(certificate: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
    let port = listener.local_addr().expect("a listener has an address").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let certificate = certificate.clone();
            thread::spawn(move || serve(stream, &certificate));
        }
    });
    port
}

struct Answer {
    status: u16,
    kind: &'static str,
    body: String,
    location: &'static str,
    /// Seconds to come back after; zero is not said.
    wait: u8,
}

fn serve(stream: TcpStream, certificate: &str) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        let path = line.split(' ').nth(1)?.to_owned();
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            match header.trim_end().split_once(": ") {
                None => break,
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().ok()?,
                Some(_) => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let answer = answer(path.split('?').next()?, &body, certificate);
        let mut location = if answer.location.is_empty() { String::new() } else { format!("Location: {}\r\n", answer.location) };
        if answer.wait > 0 {
            location.push_str(&format!("Retry-After: {}\r\n", answer.wait));
        }
        let head =
            format!("HTTP/1.1 {}\r\nContent-Type: {}\r\n{location}Content-Length: {}\r\n\r\n", status(answer.status), answer.kind, answer.body.len());
        (&stream).write_all((head + &answer.body).as_bytes()).ok()?;
    }
}

/// The line says "404 Not Found", as Go shows it.
fn status(status: u16) -> String {
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Unknown");
    format!("{status} {reason}")
}

fn answer(path: &str, body: &[u8], certificate: &str) -> Answer {
    let text = |status, body: &str| Answer { status, kind: "text/plain", body: body.to_owned(), location: "", wait: 0 };
    match path {
        "/cert.pem" | "/v1/cert.pem" => return text(200, certificate),
        "/redirect" => return Answer { location: "/cert.pem", ..text(302, "") },
        "/loop" => return Answer { location: "/loop", ..text(302, "") },
        "/huge" => return text(200, &"x".repeat(2 << 20)),
        _ => {}
    }
    let Some(rest) = path.split("/services/").nth(1) else { return text(404, "nothing here") };
    let Some((target, suffix)) = rest.split_once("/proxy") else { return service(rest) };
    let name = target.split(':').nth(1).unwrap_or_default();
    let number = name.strip_prefix("status-").and_then(|number| number.parse().ok());
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    match (number, name, suffix) {
        (None, "busy", _) if ASKED.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) => Answer { wait: 1, ..text(429, "limit exceeded") },
        (Some(503), _, _) => refusal(503, "ServiceUnavailable", "no endpoints available for service"),
        (Some(number), _, _) => text(number, "some text\n"),
        (None, "garbage", _) => text(200, "hello"),
        (None, _, "/v1/cert.pem") => text(200, certificate),
        (None, _, "/v1/verify") => text(200, ""),
        (None, _, "/v1/rotate") => rotated(body),
        _ => text(404, "nothing here"),
    }
}

fn service(name: &str) -> Answer {
    let ports = match name {
        "missing" => return refusal(404, "NotFound", "services \"missing\" not found"),
        "forbidden" => return refusal(403, "Forbidden", "services \"forbidden\" is forbidden: User \"u\" cannot get resource"),
        "portless" => json!([]),
        "nameless" => json!([{"port": 8080}]),
        _ => json!([{"name": "http", "port": 8080}]),
    };
    let body = json!({"kind": "Service", "apiVersion": "v1", "metadata": {"name": name}, "spec": {"ports": ports}}).to_string();
    Answer { status: 200, kind: "application/json", body, location: "", wait: 0 }
}

fn refusal(code: u16, reason: &str, message: &str) -> Answer {
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": reason, "code": code});
    Answer { status: code, kind: "application/json", body: body.to_string(), location: "", wait: 0 }
}

/// Answers as upstream's controller does: without kind, and with no other metadata than name, namespace, scope, and the timestamp of an object that never
/// was. The items come back as they were.
///
/// *Source*: `NewSealedSecret` in `pkg/apis/sealedsecrets/v1alpha1/sealedsecret_expansion.go` (v0.38.4).
fn rotated(body: &[u8]) -> Answer {
    let mut object: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(map) = object.as_object_mut() {
        map.remove("kind");
        map.remove("apiVersion");
        map.remove("status");
    }
    let metadata = &object["metadata"];
    let mut kept = json!({"name": metadata["name"], "namespace": metadata["namespace"], "creationTimestamp": null});
    for scope in ["sealedsecrets.bitnami.com/cluster-wide", "sealedsecrets.bitnami.com/namespace-wide"] {
        if let Some(value) = metadata["annotations"].get(scope) {
            kept["annotations"][scope] = value.clone();
        }
    }
    object["metadata"] = kept;
    Answer { status: 200, kind: "text/plain; charset=utf-8", body: object.to_string(), location: "", wait: 0 }
}
