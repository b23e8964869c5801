//! The way from the API server into the "cluster": a CONNECT proxy on a socket that leads every address to a port of the loopback.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

type Routes = Arc<Mutex<BTreeMap<Ipv4Addr, u16>>>;

/// A running proxy; its threads end with the process.
pub(super) struct Proxy {
    routes: Routes,
}

impl Proxy {
    pub(super) fn start(socket: &Path) -> Self {
        let listener = UnixListener::bind(socket).expect("a socket can be made");
        let routes = Routes::default();
        let known = Arc::clone(&routes);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let known = Arc::clone(&known);
                // A broken connection is the caller's to report.
                thread::spawn(move || drop(serve(stream, &known)));
            }
        });
        Self { routes }
    }

    /// Leads a new address of the cluster to a port of the loopback.
    pub(super) fn route_to(&self, port: u16) -> Ipv4Addr {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let last = routes.last_key_value().map_or(Ipv4Addr::new(10, 200, 0, 0), |(address, _)| *address);
        let address = Ipv4Addr::from_bits(last.to_bits() + 1);
        routes.insert(address, port);
        address
    }
}

fn serve(stream: UnixStream, routes: &Routes) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let target = head.split(' ').nth(1).and_then(|target| target.rsplit_once(':')).and_then(|(host, _)| host.parse().ok());
    let port = target.and_then(|address| routes.lock().unwrap_or_else(PoisonError::into_inner).get(&address).copied());
    let server = port.map(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)));
    let Some(Ok(server)) = server else {
        return (&stream).write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n");
    };
    (&stream).write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut to_server, mut from_server, mut to_client) = (server.try_clone()?, server, stream);
    let upward = thread::spawn(move || {
        let copied = io::copy(&mut reader, &mut to_server);
        to_server.shutdown(Shutdown::Write).and(copied.map(drop))
    });
    io::copy(&mut from_server, &mut to_client)?;
    to_client.shutdown(Shutdown::Both)?;
    upward.join().unwrap_or(Ok(()))
}
