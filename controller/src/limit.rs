//! How often one client may ask for what costs private operations.

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

/// A limiter by route and client that tells how much is left.
type Keyed = RateLimiter<String, HashMapStateStore<String>, DefaultClock, StateInformationMiddleware>;

/// Counts requests by route and client.
pub(crate) struct Limit {
    limiter: Keyed,
    clock: DefaultClock,
    burst: NonZeroU32,
}

impl Limit {
    /// So many a second, and so many at once.
    pub(crate) fn new(rate: NonZeroU32, burst: NonZeroU32) -> Self {
        let quota = Quota::per_second(rate).allow_burst(burst);
        let limiter: Keyed = RateLimiter::new(quota, HashMapStateStore::default(), DefaultClock::default());
        Self { limiter, clock: DefaultClock::default(), burst }
    }

    /// Counts one request, and gives the headers that tell how many are left.
    ///
    /// # Errors
    /// Headers that tell when the next one may come.
    pub(crate) fn check(&self, route: &str, client: &str) -> Result<HeaderMap, HeaderMap> {
        if self.limiter.len() > CLIENTS {
            self.limiter.retain_recent();
        }
        let mut headers = HeaderMap::new();
        number(&mut headers, "x-ratelimit-limit", self.burst.get().into());
        match self.limiter.check_key(&format!("{route} {client}")) {
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
