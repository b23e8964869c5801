//! Keys and certificates.

use std::net::IpAddr;
use std::rc::Rc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose, SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use super::encoding::Base;
use crate::error::Fault;
use crate::function::{Arguments, Called, Function, Kind, Scope};
use crate::value::{Certificate, List, Text, Value};

use key::{PrivateKey, pem_block, pem_text};

mod key;

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("buildCustomCert", &[Kind::Text, Kind::Text], build_custom),
    Function::fixed("genCA", &[Kind::Text, Kind::Int], |scope, arguments| self_signed(scope, &authority(scope, arguments)?, make_rsa(scope)?)),
    Function::fixed("genCAWithKey", &[Kind::Text, Kind::Int, Kind::Text], |scope, arguments| {
        self_signed(scope, &authority(scope, arguments)?, PrivateKey::read(arguments.text(2)?)?)
    }),
    Function::fixed("genPrivateKey", &[Kind::Text], make_private_key),
    Function::fixed("genSelfSignedCert", &[Kind::Text, Kind::List, Kind::List, Kind::Int], |scope, arguments| {
        self_signed(scope, &leaf(scope, arguments)?, make_rsa(scope)?)
    }),
    Function::fixed("genSelfSignedCertWithKey", &[Kind::Text, Kind::List, Kind::List, Kind::Int, Kind::Text], |scope, arguments| {
        self_signed(scope, &leaf(scope, arguments)?, PrivateKey::read(arguments.text(4)?)?)
    }),
    Function::fixed("genSignedCert", &[Kind::Text, Kind::List, Kind::List, Kind::Int, Kind::Certificate], |scope, arguments| {
        signed(scope, arguments, make_rsa(scope)?)
    }),
    Function::fixed("genSignedCertWithKey", &[Kind::Text, Kind::List, Kind::List, Kind::Int, Kind::Certificate, Kind::Text], |scope, arguments| {
        signed(scope, arguments, PrivateKey::read(arguments.text(5)?)?)
    }),
];

/// What making an RSA key takes in the mean. *Units*: milliseconds. Single ones take up to three times as long.
const RSA_2048_PRICE: u64 = 100;
const RSA_4096_PRICE: u64 = 800;

/// What a small key or a signature takes.
const SMALL_PRICE: u64 = 2;

fn make_rsa(scope: &Scope<'_>) -> Called<PrivateKey> {
    scope.check_randomness()?;
    scope.meter.spend(RSA_2048_PRICE)?;
    PrivateKey::make_rsa(aws_lc_rs::rsa::KeySize::Rsa2048)
}

fn make_private_key(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    scope.check_randomness()?;
    let key = match &**arguments.text(0)? {
        b"" | b"rsa" => {
            scope.meter.spend(RSA_4096_PRICE)?;
            PrivateKey::make_rsa(aws_lc_rs::rsa::KeySize::Rsa4096)?
        }
        b"ecdsa" => {
            scope.meter.spend(SMALL_PRICE)?;
            PrivateKey::make_ecdsa()?
        }
        b"ed25519" => {
            scope.meter.spend(SMALL_PRICE)?;
            PrivateKey::make_ed25519()?
        }
        b"dsa" => return Err(Fault::exec("DSA keys are not made: no current system accepts them")),
        other => return scope.text([b"Unknown type ", other].concat()),
    };
    scope.text(key.pem.to_vec())
}

fn authority(scope: &Scope<'_>, arguments: &Arguments) -> Called<CertificateParams> {
    let mut params = params(scope, arguments.text(0)?, arguments.int(1)?)?;
    params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Ok(params)
}

fn leaf(scope: &Scope<'_>, arguments: &Arguments) -> Called<CertificateParams> {
    let mut params = params(scope, arguments.text(0)?, arguments.int(3)?)?;
    for address in names(arguments.list(1)?)? {
        let address: IpAddr = address.parse().map_err(|_| Fault::exec("not an IP address"))?;
        params.subject_alt_names.push(SanType::IpAddress(address));
    }
    for name in names(arguments.list(2)?)? {
        let name = name.as_str().try_into().map_err(|_| Fault::exec("not a DNS name"))?;
        params.subject_alt_names.push(SanType::DnsName(name));
    }
    Ok(params)
}

fn names(list: &List) -> Called<Vec<String>> {
    let name = |item: Value| match item {
        Value::Text(text) => String::from_utf8(text.to_vec()).map_err(|_| Fault::exec("a name is not UTF-8")),
        other => Err(Fault::exec(format!("a name is no string but {}", other.type_name()))),
    };
    list.items().into_iter().map(name).collect()
}

fn params(scope: &Scope<'_>, common_name: &[u8], days: i64) -> Called<CertificateParams> {
    let now = scope.now()?.unix_seconds();
    let date = |seconds: Option<i64>| {
        let seconds = seconds.ok_or(Fault::exec("a date out of range"))?;
        OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| Fault::exec("a date out of range"))
    };
    let mut serial = [0; 16];
    scope.fill_random(&mut serial)?;
    let common_name = std::str::from_utf8(common_name).map_err(|_| Fault::exec("the common name is not UTF-8"))?;
    let mut params = CertificateParams::default();
    params.not_before = date(Some(now))?;
    params.not_after = date(days.checked_mul(86_400).and_then(|length| now.checked_add(length)))?;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.distinguished_name = DistinguishedName::new();
    if !common_name.is_empty() {
        params.distinguished_name.push(DnType::CommonName, common_name);
    }
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

fn self_signed(scope: &Scope<'_>, params: &CertificateParams, key: PrivateKey) -> Called {
    scope.meter.spend(SMALL_PRICE)?;
    let made = params.self_signed(&key.signer).map_err(|_| Fault::exec("cannot sign the certificate"))?;
    pair(scope, made.der(), key)
}

fn signed(scope: &Scope<'_>, arguments: &Arguments, key: PrivateKey) -> Called {
    scope.meter.spend(SMALL_PRICE)?;
    let authority = arguments.certificate(4)?;
    let (_, der) = pem_block(&authority.certificate).ok_or(Fault::exec("the authority's certificate is not PEM"))?;
    let signer = PrivateKey::read(&authority.key)?;
    let issuer = Issuer::from_ca_cert_der(&CertificateDer::from(der), signer.signer);
    let issuer = issuer.map_err(|_| Fault::exec("the authority's certificate cannot be read"))?;
    let mut params = leaf(scope, arguments)?;
    params.use_authority_key_identifier_extension = true;
    let made = params.signed_by(&key.signer, &issuer).map_err(|_| Fault::exec("cannot sign the certificate"))?;
    pair(scope, made.der(), key)
}

fn pair(scope: &Scope<'_>, der: &[u8], key: PrivateKey) -> Called {
    let certificate = pem_text("CERTIFICATE", der);
    scope.meter.allocate((certificate.len() + key.pem.len()) as u64)?;
    Ok(Value::Certificate(Rc::new(Certificate { certificate: Text::new(certificate), key: key.pem })))
}

fn build_custom(scope: &Scope<'_>, arguments: &Arguments) -> Called {
    let decode = |index: usize, failure: &'static str| {
        let text = arguments.text(index)?;
        scope.meter.allocate((text.len() as u64).saturating_mul(20))?;
        Base::Base64.decode(text).map_err(|_| Fault::exec(failure))
    };
    let certificate = Text::new(decode(0, "the certificate is not base 64")?);
    let key = Text::new(decode(1, "the private key is not base 64")?);
    let (_, der) = pem_block(&certificate).ok_or(Fault::exec("the certificate is not PEM"))?;
    x509_parser::parse_x509_certificate(&der).map_err(|_| Fault::exec("the certificate cannot be read"))?;
    PrivateKey::read(&key)?;
    Ok(Value::Certificate(Rc::new(Certificate { certificate, key })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Limits, Meter};

    #[test]
    fn an_authority_signs_with_a_key_of_any_kind() {
        let meter = Meter::new(Limits::default());
        let now = jiff::Timestamp::from_second(1_700_000_000).ok();
        let scope = Scope::new(&meter, now, true);
        let call = |name: &str, arguments: Vec<Value>| {
            let function = TABLE.iter().find(|function| function.name == name).unwrap();
            (function.call)(&scope, &Arguments::new(arguments)).unwrap()
        };
        let authority = call("genCA", vec![Value::text("root"), Value::int(2)]);
        for kind in ["ecdsa", "ed25519", "rsa"] {
            let key = call("genPrivateKey", vec![Value::text(kind)]);
            let ips = Value::List(List::new(vec![Value::text("127.0.0.1")], crate::value::Element::Any));
            let names = Value::List(List::new(vec![Value::text("a.example")], crate::value::Element::Any));
            let asked = vec![Value::text("leaf"), ips, names, Value::int(1), authority.clone(), key.clone()];
            let Value::Certificate(pair) = call("genSignedCertWithKey", asked) else { panic!("{kind}") };
            let Value::Text(key) = key else { panic!("{kind}") };
            assert!(pair.key == key, "{kind}");
            let (_, der) = pem_block(&pair.certificate).unwrap();
            let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
            assert_eq!(parsed.issuer().to_string(), "CN=root");
        }
    }
}
