//! An issuer of OpenID Connect on the loopback: its configuration, and tokens for who holds the refresh token and the client's secret.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rcgen::CertifiedKey;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

/// What the client is called, and what it proves it with; both are written otherwise in a form.
pub(crate) const CLIENT: [&str; 2] = ["sealer:client", "secret of the client"];

/// The same as a form has them.
const CLIENT_IN_A_FORM: &str = "client_id=sealer%3Aclient&client_secret=secret+of+the+client";

/// The same as a header has them: the Base64 of `sealer%3Aclient:secret+of+the+client`.
const CLIENT_IN_A_HEADER: &str = "authorization: Basic c2VhbGVyJTNBY2xpZW50OnNlY3JldCtvZit0aGUrY2xpZW50";

/// How the client is to prove who it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Style {
    /// In the form that it sends.
    Form,
    /// By basic authentication.
    Header,
}

/// A running issuer; it runs until the program ends.
pub(crate) struct Issuer {
    /// Where it is.
    pub(crate) url: String,
    /// Certificate to trust, PEM.
    pub(crate) certificate: String,
    tokens: Arc<Mutex<Tokens>>,
}

/// What it gives, and for what.
struct Tokens {
    style: Style,
    id_token: String,
    refresh_token: String,
}

impl Issuer {
    /// Starts one that gives the ID token for the refresh token.
    pub(crate) fn start(style: Style, id_token: &str, refresh_token: &str) -> Self {
        let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate can be made");
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key is a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("the provider knows the protocol");
        let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).expect("the key fits"));
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        let url = format!("https://127.0.0.1:{}/realm", listener.local_addr().expect("a listener has an address").port());
        let tokens = Tokens { style, id_token: id_token.to_owned(), refresh_token: refresh_token.to_owned() };
        let issuer = Self { url: url.clone(), certificate: cert.pem(), tokens: Arc::new(Mutex::new(tokens)) };
        let tokens = Arc::clone(&issuer.tokens);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, url, tokens) = (Arc::clone(&config), url.clone(), Arc::clone(&tokens));
                thread::spawn(move || serve(stream, config, &url, &tokens));
            }
        });
        issuer
    }

    /// The one refresh token that it takes.
    pub(crate) fn refresh_token(&self) -> String {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).refresh_token.clone()
    }
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, url: &str, tokens: &Mutex<Tokens>) -> Option<()> {
    let mut reader = BufReader::new(StreamOwned::new(ServerConnection::new(config).ok()?, stream));
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
            head += &line.split_once(": ").map_or(line.clone(), |(name, value)| format!("{}: {value}", name.to_lowercase()));
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let (status, body) = answer(&head, &String::from_utf8_lossy(&body), url, tokens);
        let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        reader.get_mut().write_all((head + &body).as_bytes()).ok()?;
        reader.get_mut().flush().ok()?;
    }
}

/// Every refresh token is good for one time, as careful issuers have it.
fn answer(head: &str, form: &str, url: &str, tokens: &Mutex<Tokens>) -> (&'static str, String) {
    if head.starts_with("GET /realm/.well-known/openid-configuration ") {
        return ("200 OK", json!({"issuer": url, "token_endpoint": format!("{url}/token")}).to_string());
    }
    let mut tokens = tokens.lock().unwrap_or_else(PoisonError::into_inner);
    let proven = match tokens.style {
        Style::Form => form.contains(CLIENT_IN_A_FORM),
        Style::Header => head.lines().any(|line| line == CLIENT_IN_A_HEADER),
    };
    let asked = head.starts_with("POST /realm/token ") && head.contains("content-type: application/x-www-form-urlencoded\r\n");
    let grant = format!("grant_type=refresh_token&refresh_token={}", tokens.refresh_token);
    if !asked || !proven || !form.ends_with(&grant) && !form.contains(&format!("{grant}&")) {
        // Some issuers repeat what they were asked.
        return ("401 Unauthorized", json!({"error": "invalid_grant", "error_description": form}).to_string());
    }
    tokens.refresh_token.push_str("-next");
    let answer = json!({"id_token": tokens.id_token, "refresh_token": tokens.refresh_token, "access_token": "unused", "token_type": "Bearer"});
    ("200 OK", answer.to_string())
}
