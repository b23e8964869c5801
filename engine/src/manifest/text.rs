//! Bytes to text: encodings that people's editors and shells write.

use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// How the text was encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-8 behind a byte order mark.
    Utf8Bom,
    /// UTF-16 of either order, as Windows PowerShell redirects output. It is read, but never written back.
    Utf16,
}

/// The byte order mark of UTF-8.
pub(super) const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// Decodes a file.
pub(super) fn decode(bytes: &[u8]) -> Result<(Zeroizing<String>, Encoding)> {
    if let Some(rest) = bytes.strip_prefix(UTF8_BOM) {
        return Ok((utf8(rest)?, Encoding::Utf8Bom));
    }
    let utf16 = match bytes {
        [0xff, 0xfe, rest @ ..] => Some((rest, u16::from_le_bytes as fn([u8; 2]) -> u16)),
        [0xfe, 0xff, rest @ ..] => Some((rest, u16::from_be_bytes as fn([u8; 2]) -> u16)),
        _ => None,
    };
    let Some((rest, read)) = utf16 else {
        return Ok((utf8(bytes)?, Encoding::Utf8));
    };
    let (pairs, []) = rest.as_chunks::<2>() else {
        return Err(Error::input("decode UTF-16: an odd number of bytes"));
    };
    let units = Zeroizing::new(pairs.iter().map(|pair| read(*pair)).collect::<Vec<u16>>());
    let text = String::from_utf16(&units).map_err(|_| Error::input("decode UTF-16: a surrogate without its partner"))?;
    Ok((Zeroizing::new(text), Encoding::Utf16))
}

fn utf8(bytes: &[u8]) -> Result<Zeroizing<String>> {
    let text = str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        Error::input("decode UTF-8: a byte that can not stand here").at_line(line).advise("Save the file as UTF-8")
    })?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Turns byte offsets into line numbers.
pub(super) struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    /// Finds the line starts of a text.
    pub(super) fn new(text: &str) -> Self {
        let after = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { starts: std::iter::once(0).chain(after).collect() }
    }

    /// The line of an offset, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }
}
