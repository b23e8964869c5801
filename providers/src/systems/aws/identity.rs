//! Who somebody is to AWS, shown to another system: a request for the own name that only they could have signed, which that system sends.

use std::sync::Arc;

use keys::SecretBytes;

use super::auth::{Role, Session};
use super::endpoint::{self, Endpoint};
use super::{Auth, client_settings, sign};
use crate::error::{Error, Result};
use crate::http::Client;
use crate::provider::Access;

/// What AWS is asked.
pub(in super::super) const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// The region whose service is asked where none is named.
const REGION: &str = "us-east-1";

/// Somebody.
pub(in super::super) struct Identity<'a> {
    /// How they sign in.
    pub(in super::super) auth: Auth,
    /// The region whose service is asked.
    pub(in super::super) region: &'a str,
    /// A role that they take first; may be empty.
    pub(in super::super) role: &'a str,
    /// What its owner asks of those who take it; may be empty.
    pub(in super::super) external_id: &'a str,
}

/// A request for the name of whoever signed it: a POST of [`BODY`].
pub(in super::super) struct Proof {
    /// Where to.
    pub(in super::super) address: String,
    /// Its headers.
    pub(in super::super) headers: Vec<(String, SecretBytes)>,
}

impl Identity<'_> {
    /// Checks what can be checked without asking anybody.
    ///
    /// # Errors
    /// Invalid, with the field below `field`.
    pub(in super::super) fn check(&self, field: &str) -> Result<()> {
        if !self.region.is_empty() && !endpoint::is_region(self.region) {
            return Err(Error::invalid(format!("use the store: {field}.region is not the name of a region")));
        }
        self.auth.check(field).and_then(|()| self.auth.base(field).map(|_| ()))
    }

    /// Signs in, and makes a request whose signature covers `given` headers.
    ///
    /// # Errors
    /// Whatever keeps somebody from signing in.
    pub(in super::super) async fn proof(&self, access: &Arc<dyn Access>, field: &str, given: &[(&str, &str)]) -> Result<Proof> {
        let region = if self.region.is_empty() { REGION } else { self.region };
        let sts = Endpoint::new(access.as_ref(), "sts", "AWS_STS_ENDPOINT", region)?;
        let reach = sts.reach(access.reach());
        let client = Arc::new(Client::new(&client_settings(access.as_ref(), reach)?)?);
        let external_id = Some(self.external_id.to_owned()).filter(|id| !id.is_empty());
        let role = Some(self.role.to_owned()).filter(|role| !role.is_empty());
        let roles = role.map(|arn| Role { arn, external_id, ..Role::default() }).into_iter().collect();
        let keys = Session::new(Arc::clone(access), client, sts, self.auth.base(field)?, roles).keys().await?;
        // The other system knows AWS where AWS has it: the service of the first region is the one of the world.
        let endpoint = if region == REGION { Endpoint::global_sts(region)? } else { Endpoint::of_aws("sts", region)? };
        let body = SecretBytes::new(BODY.as_bytes().to_vec());
        let headers = sign::signature(&keys, &endpoint, access.now(), given, &body).ok_or_else(sign::no_text)?;
        Ok(Proof { address: endpoint.url.to_string(), headers })
    }
}
