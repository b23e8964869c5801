//! Somebody of a directory signs in to the real Vault, which asks a real directory.

use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::access::TestAccess;
use tests::peers;
use tests::process::{Home, Running};
use tests::server::free_port;
use tests::suite::Case;

use super::signing_in::{check, ready, settings};
use super::waiting;

/// People and their groups.
const PEOPLE: &str = "dn: dc=example
objectClass: domain
dc: example

dn: ou=people,dc=example
objectClass: organizationalUnit
ou: people

dn: cn=anna,ou=people,dc=example
objectClass: inetOrgPerson
cn: anna
sn: Anna
userPassword: hunter2-ldap

dn: cn=eve,ou=people,dc=example
objectClass: inetOrgPerson
cn: eve
sn: Eve
userPassword: hunter2-ldap

dn: ou=groups,dc=example
objectClass: organizationalUnit
ou: groups

dn: cn=readers,ou=groups,dc=example
objectClass: groupOfNames
cn: readers
member: cn=anna,ou=people,dc=example
";

pub(super) fn cases() -> Vec<Case> {
    vec![waiting("vault_is_signed_in_to_as_a_person_of_a_directory", &["slapd", "vault"], ldap)]
}

/// A directory server that knows these people.
struct Directory {
    address: String,
    _server: Running,
    _home: Home,
}

impl Directory {
    fn start() -> Self {
        let (home, port) = (Home::new(), free_port());
        let program = peers::get("slapd").expect("the case needs it");
        let data = home.path().join("data");
        std::fs::create_dir(&data).expect("a folder can be made");
        // Where Debian keeps modules and schemas; who searches must have signed in.
        let lines = [
            "include /etc/ldap/schema/core.schema",
            "include /etc/ldap/schema/cosine.schema",
            "include /etc/ldap/schema/inetorgperson.schema",
            "modulepath /usr/lib/ldap",
            "moduleload back_mdb",
            "database mdb",
            "suffix \"dc=example\"",
            &format!("directory {}", data.display()),
            "access to attrs=userPassword by anonymous auth by * none",
            "access to * by users read by anonymous auth",
        ];
        home.write("slapd.conf", lines.join("\n") + "\n");
        home.write("people.ldif", PEOPLE);
        let filled = home.command(&program).args(["-Tadd", "-f", "slapd.conf", "-l", "people.ldif"]).run();
        assert_eq!(filled.status, 0, "{}", String::from_utf8_lossy(&filled.stderr));
        let address = format!("ldap://127.0.0.1:{port}");
        let server = home.command(&program).args(["-f", "slapd.conf", "-h", &address, "-d", "0"]).start();
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(Instant::now() < deadline, "slapd does not start");
            thread::sleep(Duration::from_millis(50));
        }
        Self { address, _server: server, _home: home }
    }
}

async fn ldap() {
    let (dev, directory) = (ready(), Directory::start());
    dev.mounts("ldap", "auth/ldap", &json!({}));
    let config = json!({
        "url": directory.address, "userdn": "ou=people,dc=example", "userattr": "cn", "groupdn": "ou=groups,dc=example", "groupattr": "cn",
    });
    dev.does("POST", "auth/ldap/config", config);
    // Whoever is in the group may read: that is only to be known from the directory.
    dev.does("POST", "auth/ldap/groups/readers", json!({"policies": "reader"}));
    let auth = |name: &str| json!({"ldap": {"username": name, "secretRef": {"name": "anna", "key": "password"}}});
    let access = |password: &str| TestAccess::new().with_secret("anna", "password", password);
    let denied = "sign in to Vault (ldap at auth/ldap/login/anna): Vault refuses (status 400)";
    check(&settings(&dev.address, auth("anna")), access("hunter2-ldap"), access("hunter2-other"), denied).await;
    let eve = super::source(&settings(&dev.address, auth("eve")), &std::sync::Arc::new(access("hunter2-ldap"))).await;
    let error = super::read(&eve, super::key("signed")).await.expect_err("she is in no group");
    assert_eq!(error.to_string(), "read secret/data/signed from Vault: Vault denies it to this sign-in (status 403)");
}
