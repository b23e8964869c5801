//! A system over HTTP that answers as a test wants it, well or badly, with TLS or without.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rcgen::CertifiedKey;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How long [`Reply::Silence`] lasts: longer than anybody waits.
const SILENCE: Duration = Duration::from_secs(150);

/// What somebody asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The verb.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The lines of the head after the first one; names in small letters.
    pub headers: Vec<(String, String)>,
    /// What was sent along.
    pub body: String,
}

impl Asked {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Status, headers and body.
    Whole(u16, Vec<(&'static str, String)>, String),
    /// The first half of a body, and no more.
    Half(String),
    /// A body of so many bytes.
    Long(usize),
    /// Nothing at all, while the connection stays.
    Silence,
}

impl Reply {
    /// A status and JSON, or what is none.
    #[must_use]
    pub fn new(status: u16, body: impl ToString) -> Self {
        Self::Whole(status, Vec::new(), body.to_string())
    }

    /// Adds a header.
    #[must_use]
    pub fn with(self, name: &'static str, value: impl ToString) -> Self {
        match self {
            Self::Whole(status, mut headers, body) => {
                headers.push((name, value.to_string()));
                Self::Whole(status, headers, body)
            }
            other => other,
        }
    }
}

type Play = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

struct State {
    play: Play,
    asked: Vec<Asked>,
    tls: Option<Arc<ServerConfig>>,
    certificate: String,
}

/// A running system; it runs until the program ends.
pub struct Stub {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Stub {
    /// Starts one that speaks HTTP and knows nothing.
    ///
    /// # Panics
    /// If the loopback has no port.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        let port = listener.local_addr().expect("a listener has an address").port();
        let play: Play = Arc::new(|_: &Asked| Reply::new(404, "{}"));
        let state = Arc::new(Mutex::new(State { play, asked: Vec::new(), tls: None, certificate: String::new() }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || {
                    let tls = lock(&state).tls.clone();
                    // Who breaks the connection off is a client that has seen enough.
                    let _ = match tls {
                        None => serve(stream, &state),
                        Some(config) => secured(stream, config).and_then(|stream| serve(stream, &state)),
                    };
                });
            }
        });
        Self { port, state }
    }

    /// Starts one that speaks HTTPS.
    ///
    /// # Panics
    /// As [`Stub::start`].
    #[must_use]
    pub fn start_secured() -> Self {
        let stub = Self::start();
        stub.renew_certificate();
        stub
    }

    /// Shows another certificate from now on, which nobody who trusted the one before trusts.
    ///
    /// # Panics
    /// Never: a certificate can be made.
    pub fn renew_certificate(&self) {
        let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate can be made");
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key is a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("the provider knows the protocol");
        let config = config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).expect("the key fits");
        let mut state = lock(&self.state);
        state.tls = Some(Arc::new(config));
        state.certificate = cert.pem();
    }

    /// The certificate to trust, PEM.
    #[must_use]
    pub fn certificate(&self) -> String {
        lock(&self.state).certificate.clone()
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if lock(&self.state).tls.is_some() { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Answers like this from now on.
    pub fn play(&self, play: impl Fn(&Asked) -> Reply + Send + Sync + 'static) {
        lock(&self.state).play = Arc::new(play);
    }

    /// What was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.state).asked.clone()
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn secured(stream: TcpStream, config: Arc<ServerConfig>) -> std::io::Result<StreamOwned<ServerConnection, TcpStream>> {
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    Ok(StreamOwned::new(connection, stream))
}

/// One request and its answer: each has a connection of its own.
fn serve(mut stream: impl Read + Write, state: &Mutex<State>) -> std::io::Result<()> {
    let Some(asked) = read(&mut stream)? else { return Ok(()) };
    let play = {
        let mut state = lock(state);
        state.asked.push(asked.clone());
        Arc::clone(&state.play)
    };
    let head = |status: u16, headers: &[(&str, String)], length: usize| {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n")
    };
    match play(&asked) {
        Reply::Whole(status, headers, body) => {
            stream.write_all(head(status, &headers, body.len()).as_bytes())?;
            if asked.method != "HEAD" {
                stream.write_all(body.as_bytes())?;
            }
        }
        Reply::Half(body) => {
            stream.write_all(head(200, &[], body.len()).as_bytes())?;
            stream.write_all(body.as_bytes().get(..body.len() / 2).unwrap_or_default())?;
        }
        Reply::Long(length) => {
            stream.write_all(head(200, &[], length).as_bytes())?;
            let chunk = [b'x'; 1 << 16];
            for _ in 0..length / chunk.len() {
                stream.write_all(&chunk)?;
            }
        }
        Reply::Silence => thread::sleep(SILENCE),
    }
    stream.flush()
}

fn read(stream: &mut impl Read) -> std::io::Result<Option<Asked>> {
    let (mut got, mut buffer) = (Vec::new(), [0; 4096]);
    let mut more = |got: &mut Vec<u8>| -> std::io::Result<bool> {
        let read = stream.read(&mut buffer)?;
        got.extend_from_slice(buffer.get(..read).unwrap_or_default());
        Ok(read > 0)
    };
    let end = loop {
        if let Some(end) = got.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if !more(&mut got)? {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(got.get(..end).unwrap_or_default()).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let headers = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let mut asked = Asked { method: first.next().unwrap_or_default(), target: first.next().unwrap_or_default(), headers, body: String::new() };
    let length: usize = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
    while got.len() < end + length && more(&mut got)? {}
    asked.body = String::from_utf8_lossy(got.get(end..).unwrap_or_default()).into_owned();
    Ok(Some(asked))
}
