//! A SOCKS5 proxy that lets everybody connect to the loopback.
//!
//! *Source*: RFC 1928; no method but "no authentication required", no command but CONNECT, answers with an address of zeros.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const NO_ACCEPTABLE_METHOD: u8 = 0xff;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;

/// Starts it on a free port of the loopback, and tells the hosts and ports that it has led to; it runs until the program ends.
pub(crate) fn start() -> (u16, Receiver<(String, u16)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
    let port = listener.local_addr().expect("a listener has an address").port();
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let sender = sender.clone();
            // A broken connection is the client's to report.
            thread::spawn(move || drop(serve(stream, &sender)));
        }
    });
    (port, receiver)
}

fn serve(mut client: TcpStream, seen: &Sender<(String, u16)>) -> io::Result<()> {
    let [_, count] = bytes(&mut client)?;
    let mut methods = vec![0; usize::from(count)];
    client.read_exact(&mut methods)?;
    if !methods.contains(&NO_AUTHENTICATION) {
        return client.write_all(&[VERSION, NO_ACCEPTABLE_METHOD]);
    }
    client.write_all(&[VERSION, NO_AUTHENTICATION])?;
    let [_, command, _, kind] = bytes(&mut client)?;
    let host = match kind {
        IPV4 => Ipv4Addr::from(bytes(&mut client)?).to_string(),
        NAME => {
            let [length] = bytes(&mut client)?;
            let mut name = vec![0; usize::from(length)];
            client.read_exact(&mut name)?;
            String::from_utf8_lossy(&name).into_owned()
        }
        _ => return Ok(()),
    };
    let port = u16::from_be_bytes(bytes(&mut client)?);
    if command != CONNECT {
        return Ok(());
    }
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    // Nobody may be left who wants to know.
    let _ = seen.send((host, port));
    client.write_all(&[VERSION, 0, 0, IPV4, 0, 0, 0, 0, 0, 0])?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || io::copy(&mut from_client, &mut to_server).and_then(|_| to_server.shutdown(Shutdown::Write)));
    io::copy(&mut &server, &mut client)?;
    client.shutdown(Shutdown::Both)
}

fn bytes<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}
