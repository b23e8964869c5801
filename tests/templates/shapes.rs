//! Functions of chance and time: their results have the shape of Go's.

use std::collections::BTreeMap;

use templates::{Context, Template};
use tests::peers;
use tests::suite::{Case, case};

use super::oracle::{Oracle, Outcome};

/// The functions that are only compared by shape, or need a clock, or whose order is free in Go.
pub(crate) const NAMES: &[&str] = &[
    "ago",
    "bcrypt",
    "buildCustomCert",
    "derivePassword",
    "encryptAES",
    "genCA",
    "genCAWithKey",
    "genPrivateKey",
    "genSelfSignedCert",
    "genSelfSignedCertWithKey",
    "genSignedCert",
    "genSignedCertWithKey",
    "htpasswd",
    "keys",
    "now",
    "randAlpha",
    "randAlphaNum",
    "randAscii",
    "randBytes",
    "randInt",
    "randNumeric",
    "shuffle",
    "uuidv4",
    "values",
];

/// Templates that print a shape which must be the same on both sides.
const SHAPES: &[&str] = &[
    "{{ randAlpha 20 | regexMatch \"^[A-Za-z]{20}$\" }}{{ randAlpha 0 }}{{ randAlpha -1 }}",
    "{{ randAlphaNum 20 | regexMatch \"^[0-9A-Za-z]{20}$\" }}",
    "{{ randAscii 200 | regexMatch \"^[ -~]{200}$\" }}",
    "{{ randNumeric 20 | regexMatch \"^[0-9]{20}$\" }}",
    "{{ randBytes 10 | b64dec | len }}",
    "{{ range 50 }}{{ $x := randInt 3 6 }}{{ and (ge $x 3) (lt $x 6) }}{{ end }}",
    "{{ randInt 6 3 }}",
    "{{ randBytes -1 }}",
    "{{ uuidv4 | regexMatch \"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$\" }}",
    "{{ shuffle \"aaé\" | len }}{{ shuffle \"\" }}",
    "{{ bcrypt \"x\" | regexMatch \"^\\\\$2a\\\\$10\\\\$[./A-Za-z0-9]{53}$\" }}",
    "{{ bcrypt (repeat 73 \"x\") }}{{ htpasswd \"a:b\" \"x\" }}",
    "{{ htpasswd \"user\" \"x\" | regexMatch \"^user:\\\\$2a\\\\$10\\\\$[./A-Za-z0-9]{53}$\" }}",
    "{{ encryptAES \"key\" \"text\" | decryptAES \"key\" }}{{ encryptAES \"key\" \"\" }}{{ encryptAES (repeat 40 \"k\") \"0123456789abcdef\" | b64dec | len }}",
    "{{ derivePassword 1 \"long\" \"password\" \"user\" \"example.com\" }}",
    "{{ derivePassword 7 \"maximum\" \"p\" \"u\" \"s\" }}{{ derivePassword 4294967297 \"pin\" \"p\" \"u\" \"s\" }}{{ derivePassword 1 \"nonesuch\" \"p\" \"u\" \"s\" }}",
    "{{ genPrivateKey \"ecdsa\" | regexMatch \"^-----BEGIN EC PRIVATE KEY-----\\n(.{64}\\n){2}.{36}\\n-----END EC PRIVATE KEY-----\\n$\" }}",
    "{{ genPrivateKey \"ed25519\" | regexMatch \"^-----BEGIN PRIVATE KEY-----\\n.{64}\\n-----END PRIVATE KEY-----\\n$\" }}",
    "{{ genPrivateKey \"nonesuch\" }}",
    "{{ $ca := genCA \"root\" 3 }}{{ $ca.Cert | trunc 27 }}{{ $ca.Key | trunc 31 }}{{ $c := genSignedCert \"leaf\" (list \"10.0.0.1\") (list \"a.example\") 1 $ca }}{{ $c.Key | trunc 31 }}{{ typeOf $c }}{{ kindOf $c }}{{ $d := buildCustomCert (b64enc $c.Cert) (b64enc $c.Key) }}{{ eq $c.Cert $d.Cert }}",
    "{{ $k := genPrivateKey \"ecdsa\" }}{{ $ca := genCAWithKey \"root\" 3 $k }}{{ eq $ca.Key $k }}{{ $c := genSelfSignedCertWithKey \"x\" nil nil 1 $k }}{{ eq $c.Key $k }}{{ $s := genSignedCertWithKey \"x\" nil nil 1 $ca (genPrivateKey \"ed25519\") }}{{ $s.Key | trunc 27 }}",
    "{{ genSelfSignedCert \"x\" (list \"bad\") nil 1 }}",
    "{{ genSelfSignedCert \"x\" nil (list 1) 1 }}",
    "{{ genCAWithKey \"x\" 1 \"bad\" }}",
    "{{ now | date \"2006\" | len }}{{ ago now }}{{ now.Year | kindOf }}{{ typeOf now.Month }}{{ htmlDate nil | len }}",
    "{{ keys (dict \"b\" 1 \"a\" 2) (dict \"c\" 3) | sortAlpha }}{{ values (dict \"a\" 1) }}{{ values (dict \"a\" 1 \"b\" 2) | len }}",
    "{{ $t := toDate \"2006-01-02\" \"2024-02-29\" }}{{ $t.Year }}{{ $t.Month }}{{ $t.Weekday }}{{ $t.YearDay }}{{ $t.Unix }}{{ ($t.AddDate 1 1 1).Format \"2006-01-02\" }}{{ $t.Before now }}{{ ($t.Sub ($t.AddDate 0 0 -1)).Hours }}",
    "{{ $v := semver \"1.2.3-rc.1+b\" }}{{ $v.Major }}{{ $v.Prerelease }}{{ $v.Metadata }}{{ $v.Original }}{{ typeOf $v }}{{ kindOf $v }}{{ $v.LessThan (semver \"2\") }}{{ toJson $v }}",
];

/// One case for each shape.
pub(crate) fn cases() -> Vec<Case> {
    let shapes = SHAPES.iter().enumerate();
    shapes.map(|(index, source)| case(format!("shape_{index}_is_that_of_go"), &["gotemplate"], move || check(source))).collect()
}

fn check(source: &str) -> Result<(), String> {
    let program = peers::get("gotemplate").map_err(|missing| missing.to_string())?;
    let (theirs, why) = Oracle::new(&program).render(source.as_bytes(), &BTreeMap::new(), "");
    let values = BTreeMap::new();
    let context = Context { now: jiff::Timestamp::from_second(1_750_000_000).ok(), ..Context::new(&values) };
    let rendered = Template::parse("key", source.as_bytes()).and_then(|template| template.render(&context));
    let reason = rendered.as_ref().err().map(ToString::to_string);
    let ours = match rendered {
        // EXPOSE: compared with Go's output.
        Ok(rendered) => Outcome::Output(rendered.expose().to_vec()),
        Err(_) => Outcome::Exec,
    };
    if ours == theirs { Ok(()) } else { Err(format!("{source}\nours: {ours:?} {reason:?}\nGo:   {theirs:?} {why}")) }
}
