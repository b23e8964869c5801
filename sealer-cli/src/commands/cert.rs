//! `sealer cert`: the certificate to seal with.

use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::json;

use crate::certificate::CertificateOptions;
use crate::exit::Outcome;
use crate::output::{Access, json_line, print, write, write_file};

// Arguments of the command.
#[derive(clap::Args)]
#[command(after_help = "Example:  sealer cert --output cluster.pem && sealer seal --cert cluster.pem secret.yaml")]
pub(crate) struct Args {
    /// Write to a file instead of standard output
    #[arg(short = 'w', long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Describe the certificate instead of printing it
    #[arg(long, conflicts_with = "json")]
    info: bool,
    /// Describe the certificate as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    certificate: CertificateOptions,
}

/// Runs the command.
pub(crate) fn run(args: &Args, now: Timestamp) -> Outcome {
    let certificate = args.certificate.any()?;
    if let (Some(path), false, false) = (&args.output, args.info, args.json) {
        return Ok(write_file(path, certificate.to_pem().as_bytes(), Access::Default)?);
    }
    let (fingerprint, bits) = (certificate.fingerprint(), certificate.key().modulus_length() * 8);
    let (from, to, expired) = (certificate.not_before(), certificate.not_after(), certificate.is_expired(now));
    let text = if args.json {
        json_line(&json!({ "fingerprint": fingerprint.to_string(), "bits": bits, "notBefore": from, "notAfter": to, "expired": expired }))
    } else if args.info {
        let state = if expired { "expired" } else { "may seal" };
        format!("fingerprint  {fingerprint}\nkey          RSA, {bits} bits\nvalid from   {from}\nvalid to     {to} ({state})\n")
    } else {
        return Ok(print(certificate.to_pem().as_bytes())?);
    };
    Ok(write(args.output.as_deref(), text.as_bytes(), Access::Default)?)
}
