//! What one rendering may cost, and the meter that counts it.

use std::cell::Cell;

use zeroize::Zeroizing;

use crate::error::Fault;

/// How much one rendering may cost.
///
/// Whoever may write a template may otherwise exhaust the memory and the time of the process that renders it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of the result. The default is 1 MiB, what the API server takes as a whole object.
    pub output: usize,
    /// Nodes visited, functions called and rounds of loops. The default is one million: some tenths of a second.
    pub steps: u64,
    /// Nesting of templates, blocks, parentheses and of the values that are printed or copied. The default is 100.
    pub depth: usize,
    /// Bytes of all the values made on the way, whether still needed or not. The default is 64 MiB.
    pub memory: u64,
    /// Milliseconds of one core that costly functions (keys, certificates, bcrypt, scrypt) may take by a fixed price
    /// list. The default is 10,000: some twelve RSA-4096 keys, or a hundred passwords hashed with bcrypt.
    pub cost: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { output: 1 << 20, steps: 1_000_000, depth: 100, memory: 64 << 20, cost: 10_000 }
    }
}

/// Counts what a rendering has cost so far; every charge is made before the thing itself.
pub(crate) struct Meter {
    limits: Limits,
    steps: Cell<u64>,
    memory: Cell<u64>,
    cost: Cell<u64>,
    depth: Cell<usize>,
}

impl Meter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, steps: Cell::new(0), memory: Cell::new(0), cost: Cell::new(0), depth: Cell::new(0) }
    }

    /// Takes steps, for work that grows with the data.
    pub(crate) fn step(&self, count: u64) -> Result<(), Fault> {
        charge(&self.steps, count, self.limits.steps, "more steps than the limit allows")
    }

    /// Takes bytes of memory.
    pub(crate) fn allocate(&self, bytes: u64) -> Result<(), Fault> {
        charge(&self.memory, bytes, self.limits.memory, "more memory than the limit allows")
    }

    /// Takes milliseconds from the price list of a costly function.
    pub(crate) fn spend(&self, milliseconds: u64) -> Result<(), Fault> {
        charge(&self.cost, milliseconds, self.limits.cost, "more costly functions than the limit allows")
    }

    /// Goes one level down, until the guard is dropped.
    pub(crate) fn enter(&self) -> Result<Level<'_>, Fault> {
        if self.depth.get() >= self.limits.depth {
            return Err(Fault::limit("nested deeper than the limit allows"));
        }
        self.depth.set(self.depth.get() + 1);
        Ok(Level(self))
    }

    pub(crate) fn output_limit(&self) -> usize {
        self.limits.output
    }
}

fn charge(counter: &Cell<u64>, amount: u64, limit: u64, what: &'static str) -> Result<(), Fault> {
    let sum = counter.get().saturating_add(amount);
    counter.set(sum);
    if sum > limit { Err(Fault::limit(what)) } else { Ok(()) }
}

/// One level of nesting.
pub(crate) struct Level<'m>(&'m Meter);

impl Drop for Level<'_> {
    fn drop(&mut self) {
        self.0.depth.set(self.0.depth.get() - 1);
    }
}

/// Text in the making: charged before it grows, wiped when it moves.
pub(crate) struct Buffer<'m> {
    bytes: Zeroizing<Vec<u8>>,
    meter: &'m Meter,
}

impl<'m> Buffer<'m> {
    pub(crate) fn new(meter: &'m Meter) -> Self {
        Self { bytes: Zeroizing::new(Vec::new()), meter }
    }

    pub(crate) fn push(&mut self, more: &[u8]) -> Result<(), Fault> {
        self.reserve(more.len())?;
        self.bytes.extend_from_slice(more);
        Ok(())
    }

    pub(crate) fn push_char(&mut self, c: char) -> Result<(), Fault> {
        self.push(c.encode_utf8(&mut [0; 4]).as_bytes())
    }

    pub(crate) fn push_repeated(&mut self, byte: u8, count: usize) -> Result<(), Fault> {
        self.reserve(count)?;
        let length = self.bytes.len() + count;
        self.bytes.resize(length, byte);
        Ok(())
    }

    /// A vector that grows by itself would leave its old content behind in freed memory.
    fn reserve(&mut self, more: usize) -> Result<(), Fault> {
        self.meter.allocate(more as u64)?;
        if self.bytes.capacity() - self.bytes.len() < more {
            let mut larger = Vec::with_capacity((self.bytes.len() + more).max(32) * 2);
            larger.extend_from_slice(&self.bytes);
            self.bytes = Zeroizing::new(larger);
        }
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn meter(&self) -> &'m Meter {
        self.meter
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_has_the_asked_length() {
        let meter = Meter::new(Limits::default());
        for count in [0, 1, 63, 64, 65, 200] {
            let mut buffer = Buffer::new(&meter);
            buffer.push_repeated(b'x', count).unwrap();
            assert_eq!(buffer.into_bytes(), vec![b'x'; count]);
        }
    }

    #[test]
    fn a_charge_above_the_limit_is_refused_and_stays() {
        let meter = Meter::new(Limits { memory: 10, ..Limits::default() });
        assert!(meter.allocate(u64::MAX).is_err());
        assert!(meter.allocate(1).is_err());
    }
}
