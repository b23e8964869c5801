use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::*;

/// A server that answers one request after the other with what it was given, and tells what it was asked.
fn server(answers: Vec<String>) -> (Url, Receiver<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://127.0.0.1:{}/v1/secret-path", listener.local_addr().unwrap().port());
    let (send, receive) = channel();
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            let mut buffer = [0; 4096];
            while !asked.ends_with(b"}") {
                let read = stream.read(&mut buffer).unwrap();
                asked.extend_from_slice(&buffer[..read]);
                if read == 0 {
                    break;
                }
            }
            let _ = send.send(String::from_utf8_lossy(&asked).into_owned());
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (Url::parse(&url).unwrap(), receive)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

async fn ask(url: Url, settings: &Settings) -> Result<Answer> {
    let token = SecretBytes::new(b"hunter2".to_vec());
    let headers = [Header::new("x-vault-token", &token).unwrap()];
    let body = Some(SecretBytes::new(b"{}".to_vec()));
    Client::new(settings)?.send(Request { what: "ask", method: Method::POST, url, headers: &headers, body }).await
}

#[tokio::test]
async fn a_request_has_its_headers_and_its_body() {
    let (url, asked) = server(vec![answer("200 OK", "", "fine")]);
    let got = ask(url, &Settings::default()).await.unwrap();
    assert_eq!((got.status, got.body.expose()), (200, &b"fine"[..]));
    let asked = asked.recv().unwrap().to_lowercase();
    assert!(asked.starts_with("post /v1/secret-path http/1.1\r\n") && asked.contains("x-vault-token: hunter2\r\n"), "{asked}");
    assert!(asked.contains("content-type: application/json\r\n") && asked.ends_with("\r\n\r\n{}"), "{asked}");
}

#[tokio::test]
async fn what_a_body_is_can_be_said_otherwise() {
    let (url, asked) = server(vec![answer("200 OK", "", "")]);
    let headers = [Header::new("Content-Type", &SecretBytes::new(b"text/plain".to_vec())).unwrap()];
    let body = Some(SecretBytes::new(b"{}".to_vec()));
    let client = Client::new(&Settings::default()).unwrap();
    client.send(Request { what: "ask", method: Method::POST, url, headers: &headers, body }).await.unwrap();
    let asked = asked.recv().unwrap().to_lowercase();
    assert!(asked.contains("content-type: text/plain\r\n") && !asked.contains("application/json"), "{asked}");
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_nothing_else() {
    for (status, requests) in [("429 Too Many", 3), ("500 Oops", 3), ("503 Sealed", 3), ("501 Never", 1), ("403 No", 1), ("400 Bad", 1)] {
        let (url, asked) = server(vec![answer(status, "Retry-After: 0\r\n", ""); 4]);
        let got = ask(url, &Settings::default()).await.unwrap();
        assert_eq!(got.status.to_string(), status[..3]);
        assert_eq!(asked.try_iter().count(), requests, "{status}");
    }
    let (url, _) = server(vec![answer("503 Busy", "", ""), answer("200 OK", "", "{}")]);
    assert_eq!(ask(url, &Settings::default()).await.unwrap().status, 200);
}

#[tokio::test]
async fn credentials_follow_no_redirect() {
    let (elsewhere, asked) = server(vec![answer("200 OK", "", "")]);
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let (url, _) = server(vec![answer(status, &format!("Location: {elsewhere}\r\n"), "")]);
        let error = ask(url, &Settings::default()).await.err().unwrap();
        assert!(error.to_string().contains("redirects"), "{error}");
    }
    assert_eq!(asked.try_iter().count(), 0);
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_read() {
    let (url, _) = server(vec![answer("200 OK", "", &"x".repeat(LONGEST_ANSWER + 1))]);
    assert_eq!(ask(url, &Settings::default()).await.err().unwrap().to_string(), "ask: the answer is too long");
    let (url, _) = server(vec![answer("200 OK", "", &"x".repeat(LONGEST_ANSWER))]);
    assert_eq!(ask(url, &Settings::default()).await.unwrap().body.len(), LONGEST_ANSWER);
}

#[tokio::test]
async fn who_does_not_answer_is_named_without_an_address() {
    let unused = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let url = Url::parse(&format!("http://user:hunter2@127.0.0.1:{unused}/secret-path")).unwrap();
    let settings = Settings { retries: 0, ..Settings::default() };
    let error = ask(url, &settings).await.err().unwrap();
    assert!(error.to_string().starts_with("ask: it cannot be reached (Connection refused"), "{error}");
    assert!(!error.to_string().contains("hunter2") && !error.to_string().contains("secret-path"), "{error}");
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = Url::parse(&format!("http://127.0.0.1:{}/", silent.local_addr().unwrap().port())).unwrap();
    let settings = Settings { retries: 0, patience: Duration::from_millis(50), ..Settings::default() };
    let error = ask(url, &settings).await.err().unwrap();
    assert_eq!((error.to_string().as_str(), error.kind()), ("ask: there is no answer in time", ErrorKind::Unavailable));
}

#[test]
fn settings_that_are_none_are_refused() {
    let secret = |text: &str| Some(SecretBytes::new(text.as_bytes().to_vec()));
    for settings in [
        Settings { authorities: secret("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"), ..Settings::default() },
        Settings { identity: secret("hunter2"), ..Settings::default() },
    ] {
        let error = Client::new(&settings).err().unwrap();
        assert!(error.to_string().starts_with("set up a client: ") && !error.to_string().contains("hunter2"), "{error}");
    }
    assert!(Header::new("x", &SecretBytes::new(b"a\nb".to_vec())).is_err());
}
