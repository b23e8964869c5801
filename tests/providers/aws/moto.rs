//! A running moto, and requests to it that prepare what a store is to find.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;
use tests::peers;
use tests::process::Home;
use tests::server::{Server, fetch, free_port};

use super::super::stub::{Asked, Reply};

/// A server, which keeps the secrets of each region by themselves.
pub(super) struct Moto {
    port: u16,
    server: Server,
    _home: Home,
}

impl Moto {
    /// One for all cases that take a region of their own each.
    pub(super) fn shared() -> &'static Self {
        static SHARED: LazyLock<Moto> = LazyLock::new(Moto::start);
        &SHARED
    }

    /// One that is nobody else's.
    pub(super) fn start() -> Self {
        let (home, port) = (Home::new(), free_port());
        let program = peers::get("moto").expect("a case that needs moto runs with it");
        let mut server = Server::start(&program, ["-p", &port.to_string()], &home.path().join("moto"));
        server.wait_until(|| fetch(port, "/moto-api/data.json").is_ok_and(|(status, _)| status == 200));
        Self { port, server, _home: home }
    }

    pub(super) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Secrets Manager, in a region.
    pub(super) fn secrets(&self, region: &str, operation: &str, input: &Value) -> Value {
        self.json(region, "secretsmanager", &format!("secretsmanager.{operation}"), input)
    }

    /// Systems Manager, in a region.
    pub(super) fn parameters(&self, region: &str, operation: &str, input: &Value) -> Value {
        self.json(region, "ssm", &format!("AmazonSSM.{operation}"), input)
    }

    /// IAM, whose answers are XML.
    pub(super) fn iam(&self, form: &str) -> String {
        let headers = [("Content-Type", "application/x-www-form-urlencoded".to_owned()), ("Authorization", signed_for("us-east-1", "iam"))];
        let (status, body) = self.post("/", &headers, form);
        assert_eq!(status, 200, "{form}: {body}");
        body
    }

    /// From now on every request must be signed by somebody who may.
    pub(super) fn be_strict(&self) {
        let (status, said) = self.post("/moto-api/reset-auth", &[], "0");
        assert_eq!(status, 200, "{said}");
    }

    /// Passes on what a stub was asked.
    pub(super) fn pass_on(&self, asked: &Asked) -> Reply {
        let kept = ["authorization", "content-type", "x-amz-date", "x-amz-security-token", "x-amz-target"];
        let headers: Vec<(&str, String)> = kept.into_iter().filter_map(|name| Some((name, asked.header(name)?.to_owned()))).collect();
        let (status, body) = self.post("/", &headers, &asked.body);
        assert!(status < 500, "{} {}: {body}: {}", asked.line, asked.body, self.log());
        Reply::new(status, body)
    }

    fn log(&self) -> String {
        self.server.log()
    }

    fn json(&self, region: &str, service: &str, target: &str, input: &Value) -> Value {
        let headers = [
            ("Content-Type", "application/x-amz-json-1.1".to_owned()),
            ("X-Amz-Target", target.to_owned()),
            ("Authorization", signed_for(region, service)),
        ];
        let (status, body) = self.post("/", &headers, &input.to_string());
        assert_eq!(status, 200, "{target} {input}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }

    fn post(&self, path: &str, headers: &[(&str, String)], body: &str) -> (u16, String) {
        let mut request = format!("POST {path} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\nContent-Length: {}\r\n", self.port, body.len());
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n").expect("text");
        }
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("moto listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time");
        stream.write_all(format!("{request}\r\n{body}").as_bytes()).expect("moto reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("moto answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        (head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), body.to_owned())
    }

    /// Asks with the vendor's own client: runs Python, in which `client(service)` makes one.
    pub(super) fn vendor(&self, region: &str, script: &str) -> String {
        let python = peers::get("boto3").expect("a case that needs boto3 runs with it");
        let script = format!(
            "import boto3, sys\ndef client(service):\n    return boto3.client(service, endpoint_url='{}', region_name='{region}', \
             aws_access_key_id='test', aws_secret_access_key='test')\n{script}",
            self.address()
        );
        let run = Command::new(python).args(["-c", &script]).env_clear().output().expect("Python starts");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).expect("text")
    }
}

/// What moto tells region and service by, where it does not look at signatures.
fn signed_for(region: &str, service: &str) -> String {
    format!("AWS4-HMAC-SHA256 Credential=test/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=none")
}
