//! A plugin of age for tests.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tests::process::Home;

/// A plugin whose recipients and identities hold nothing: it "wraps" by turning every byte around, and asks for a word first.
const TURNING: &str = r#"#!/usr/bin/env python3
import base64, sys
def send(line, body=b''):
    text = base64.b64encode(body).decode().rstrip('=')
    lines = [text[at:at + 64] for at in range(0, len(text), 64)]
    if not lines or len(lines[-1]) == 64:
        lines.append('')
    sys.stdout.write('-> ' + line + '\n' + '\n'.join(lines) + '\n')
    sys.stdout.flush()
def receive():
    words, text = sys.stdin.readline().split()[1:], ''
    while True:
        line = sys.stdin.readline().rstrip('\n')
        text += line
        if len(line) < 64:
            return words, base64.b64decode(text + '=' * (-len(text) % 4))
def turned(bytes):
    return bytes[::-1]
given = []
while True:
    words, body = receive()
    if words[0] == 'done':
        break
    given.append((words, body))
if sys.argv[1] == '--age-plugin=recipient-v1':
    for words, body in given:
        if words[0] == 'wrap-file-key':
            send('msg', b'Turning.')
            receive()
            send('recipient-stanza 0 turning word', turned(body))
            receive()
else:
    for words, body in given:
        if words[0] == 'recipient-stanza' and words[2] == 'turning':
            send('msg', b'Turning back.')
            receive()
            send('request-secret', b'The word?')
            answer, word = receive()
            if answer[0] == 'ok' and word == b'please':
                send('file-key 0', turned(body))
            else:
                send('error stanza 0 0', b'that was not the word')
            receive()
send('done')
"#;

/// A home with the plugin: the variables to find it, a recipient, and the identity in `keys.txt`.
pub(super) fn turning(home: &Home) -> (String, String) {
    let program = home.write("bin/age-plugin-turning", TURNING);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a file can be made a program");
    home.write("keys.txt", "AGE-PLUGIN-TURNING-1Q0UXYCTE\n".replace("1Q0UXYCTE", &bech32("age-plugin-turning-").to_uppercase()));
    let path = format!("{}:{}", home.path().join("bin").display(), std::env::var("PATH").unwrap_or_default());
    (path, format!("age1turning{}", bech32("age1turning")))
}

/// The separator, no data, and the checksum of BIP 173 for a prefix.
fn bech32(prefix: &str) -> String {
    let values = prefix.bytes().map(|byte| byte >> 5).chain([0]).chain(prefix.bytes().map(|byte| byte & 31)).chain([0; 6]);
    let checksum = values.fold(1_u32, |sum, value| {
        let top = sum >> 25;
        let sum = (sum & 0x01ff_ffff) << 5 ^ u32::from(value);
        let generators = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
        generators.iter().enumerate().fold(sum, |sum, (at, generator)| if top >> at & 1 == 1 { sum ^ generator } else { sum })
    }) ^ 1;
    let letters = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    (0..6).fold("1".to_owned(), |text, at| text + &char::from(letters[(checksum >> (5 * (5 - at)) & 31) as usize]).to_string())
}
