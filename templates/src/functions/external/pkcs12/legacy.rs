//! Ciphers of old files, which are read only.

use des::TdesEde3;
use des::cipher::{Array, BlockCipherDecrypt, KeyInit};
use rc2::Rc2;
use zeroize::Zeroizing;

use super::cipher::{Password, Purpose};
use super::{rounds, unreadable};
use crate::error::Fault;
use crate::function::{Called, Scope};
use crate::functions::external::der::{self, OCTET_STRING, element};

/// What all identifiers of this kind begin with (RFC 7292, appendix C).
const FAMILY: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01];

/// Bytes of a block of either cipher.
const BLOCK: usize = 8;

/// Decrypts with triple DES or RC2.
pub(super) fn decrypt(scope: &Scope<'_>, password: &Password, name: &[u8], parameters: &[u8], text: &[u8]) -> Called<Zeroizing<Vec<u8>>> {
    let (salt, behind) = element(parameters, OCTET_STRING).ok_or_else(unreadable)?;
    let (count, _) = element(behind, der::INTEGER).ok_or_else(unreadable)?;
    let length = match name.strip_prefix(FAMILY) {
        Some([3]) => 24,
        Some([5]) => 16,
        Some([6]) => 5,
        _ => return Err(Fault::exec("the PKCS#12 file is encrypted in a way that is not known here")),
    };
    // The key takes up to two turns of the derivation, the vector one.
    let rounds = rounds(scope, count)?;
    scope.meter.spend(u64::from(rounds) / super::cipher::ROUNDS_OF_A_MILLISECOND * 2)?;
    let key = password.derive_legacy(Purpose::Key, salt, rounds, length);
    let vector = password.derive_legacy(Purpose::Vector, salt, rounds, BLOCK);
    if length == 24 {
        chained(&TdesEde3::new_from_slice(&key).map_err(|_| unreadable())?, &vector, text)
    } else {
        chained(&Rc2::new_with_eff_key_len(&key, length * 8), &vector, text)
    }
}

/// The mode CBC, and the padding at the end.
fn chained<C: BlockCipherDecrypt>(cipher: &C, vector: &[u8], text: &[u8]) -> Called<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut before = vector;
    for chunk in text.chunks(BLOCK) {
        let mut block = Array::<u8, C::BlockSize>::try_from(chunk).map_err(|_| unreadable())?;
        cipher.decrypt_block(&mut block);
        out.extend(block.iter().zip(before).map(|(byte, before)| byte ^ before));
        before = chunk;
    }
    let padding = out.last().map(|last| usize::from(*last)).filter(|padding| (1..=BLOCK).contains(padding));
    let end = padding.and_then(|padding| out.len().checked_sub(padding)).ok_or(Fault::exec("the password of the PKCS#12 file is wrong"))?;
    if out.get(end..).is_some_and(|tail| tail.iter().any(|byte| usize::from(*byte) != out.len() - end)) {
        return Err(Fault::exec("the password of the PKCS#12 file is wrong"));
    }
    out.truncate(end);
    Ok(out)
}
