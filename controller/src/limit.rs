//! How often one client may ask for what costs private operations.

use std::net::IpAddr;
use std::num::NonZeroU32;

use axum::http::HeaderMap;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::http::number;

/// Clients that are remembered; beyond that those are forgotten who have asked for nothing lately.
///
/// *Source*: sealed-secrets `pkg/controller/server.go`, v0.38.4.
const CLIENTS: usize = 65_536;

/// As much as so many clients at once one peer gets for all clients that it names. The API server's proxy names them all, and truly, so it is more than people
/// and pipelines ask for at a time; whoever asks directly may invent them, so it is not without end.
const CLIENTS_A_PEER: NonZeroU32 = NonZeroU32::MIN.saturating_add(15);

/// Whose request it is, as far as it can be known.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// The other end of the connection.
    pub(crate) peer: IpAddr,
    /// For whom the peer says that it asks; empty if it does not.
    pub(crate) forwarded: String,
}

/// Counts requests by route and client, and by route and peer.
pub(crate) struct Limit {
    clients: Counts,
    peers: Counts,
}

impl Limit {
    /// So many a second, and so many at once, for each client.
    pub(crate) fn new(rate: NonZeroU32, burst: NonZeroU32) -> Self {
        let peers = Counts::new(rate.saturating_mul(CLIENTS_A_PEER), burst.saturating_mul(CLIENTS_A_PEER));
        Self { clients: Counts::new(rate, burst), peers }
    }

    /// Counts one request, and gives the headers that tell how many are left for the client. What a client does not get is not the peer's loss.
    ///
    /// # Errors
    /// Headers that tell when the next one may come.
    pub(crate) fn check(&self, route: &str, client: &Client) -> Result<HeaderMap, HeaderMap> {
        let Client { peer, forwarded } = client;
        let headers = self.clients.check(&format!("{route} {peer} {forwarded}"))?;
        self.peers.check(&format!("{route} {peer}"))?;
        Ok(headers)
    }
}

/// A limiter that tells how much is left.
type Keyed = RateLimiter<String, HashMapStateStore<String>, DefaultClock, StateInformationMiddleware>;

/// Requests of each of many.
struct Counts {
    limiter: Keyed,
    clock: DefaultClock,
    burst: NonZeroU32,
}

impl Counts {
    fn new(rate: NonZeroU32, burst: NonZeroU32) -> Self {
        let quota = Quota::per_second(rate).allow_burst(burst);
        let limiter: Keyed = RateLimiter::new(quota, HashMapStateStore::default(), DefaultClock::default());
        Self { limiter, clock: DefaultClock::default(), burst }
    }

    fn check(&self, key: &String) -> Result<HeaderMap, HeaderMap> {
        if self.limiter.len() > CLIENTS {
            self.limiter.retain_recent();
        }
        let mut headers = HeaderMap::new();
        number(&mut headers, "x-ratelimit-limit", self.burst.get().into());
        match self.limiter.check_key(key) {
            Ok(snapshot) => {
                number(&mut headers, "x-ratelimit-remaining", snapshot.remaining_burst_capacity().into());
                Ok(headers)
            }
            Err(not_until) => {
                let wait = not_until.wait_time_from(self.clock.now());
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                number(&mut headers, "x-ratelimit-remaining", 0);
                number(&mut headers, "x-ratelimit-reset", seconds);
                number(&mut headers, "retry-after", seconds);
                Err(headers)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter::repeat_with;
    use std::net::Ipv4Addr;
    use std::time::Instant;

    use super::*;

    /// One at once, and the next one a second later: a peer has sixteen a second.
    fn check(ask: impl Fn(&Limit) -> usize, expected: usize) {
        let started = Instant::now();
        let granted = ask(&Limit::new(NonZeroU32::MIN, NonZeroU32::MIN));
        let late = 2 * usize::try_from(started.elapsed().as_millis() * 16 / 1000).unwrap();
        assert!((expected..=expected + late).contains(&granted), "{granted} instead of {expected}");
    }

    fn granted(limit: &Limit, peer: u8, clients: impl Iterator<Item = String>) -> usize {
        let client = |forwarded| Client { peer: Ipv4Addr::new(10, 0, 0, peer).into(), forwarded };
        clients.filter(|forwarded| limit.check("/v1/verify", &client(forwarded.clone())).is_ok()).count()
    }

    #[test]
    fn clients_that_a_peer_invents_have_what_a_peer_has() {
        let invented = || (0..1000).map(|number| number.to_string());
        check(|limit| granted(limit, 1, invented()), 16);
        check(|limit| granted(limit, 1, invented()) + granted(limit, 2, invented()), 32);
    }

    #[test]
    fn a_client_that_asks_too_often_takes_nothing_from_others_of_its_peer() {
        let greedy = || repeat_with(|| "greedy".to_owned()).take(1000);
        check(|limit| granted(limit, 1, greedy()) + granted(limit, 1, (0..15).map(|number| number.to_string())), 16);
    }
}
