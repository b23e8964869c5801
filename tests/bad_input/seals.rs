//! Ciphertexts that were changed, cut or moved.

use keys::{Certificate, Scope, Sealed, SecretBytes};

use crate::place::{Place, SECRET};

const UNSEAL: &str = "unseal --key alpha.pem sealed.yaml";

pub(crate) fn a_cut_item_is_named_by_file_line_object_and_item() {
    for length in [0, 1, 2, 100, 257, 258, 270] {
        let place = Place::with_sealed();
        let line = place.damage("password", |bytes| bytes.truncate(length));
        if length == 0 {
            continue;
        }
        let words = [&format!("sealed.yaml:{line}: SealedSecret shop/db, item \"password\": "), "read the item"];
        place.refuse(UNSEAL, 5, &[words[0], words[1]]);
        // Without a key too: the lengths are wrong.
        place.refuse("verify sealed.yaml", 5, &[words[0], words[1]]);
        place.refuse("reseal --key alpha.pem --key beta.pem --in-place sealed.yaml", 5, &[words[0]]);
    }
}

pub(crate) fn an_item_cut_within_its_value_does_not_open() {
    let place = Place::with_sealed();
    let line = place.damage("password", |bytes| bytes.truncate(bytes.len() - 1));
    place.refuse(UNSEAL, 5, &[&format!("sealed.yaml:{line}: SealedSecret shop/db, item \"password\": cannot open the item")]);
}

pub(crate) fn a_flipped_bit_anywhere_is_noticed() {
    // The length, the RSA part, the value and the tag.
    for at in [0, 1, 2, 130, 257, 258, 268, 269, 284] {
        let place = Place::with_sealed();
        let line = place.damage("password", |bytes| bytes[at] ^= 1);
        // Another length means another key, as far as anybody can tell.
        let status = if at == 1 { 4 } else { 5 };
        place.refuse(UNSEAL, status, &[&format!("sealed.yaml:{line}: SealedSecret shop/db, item \"password\": ")]);
        place.refuse("reseal --key alpha.pem --key beta.pem --in-place sealed.yaml", status, &["item \"password\""]);
        place.refuse("unseal --key alpha.pem --output plain.yaml sealed.yaml", status, &["item \"password\""]);
    }
}

pub(crate) fn an_item_opens_only_under_its_name_namespace_and_scope() {
    let cases = [
        ("  name: db\n  namespace: shop\nspec", "  name: other\n  namespace: shop\nspec", "SealedSecret shop/other"),
        ("  name: db\n  namespace: shop\nspec", "  name: db\n  namespace: other\nspec", "SealedSecret other/db"),
        ("  annotations:\n", "  annotations:\n    sealedsecrets.bitnami.com/cluster-wide: \"true\"\n", "it was sealed with the strict scope"),
        ("  annotations:\n", "  annotations:\n    sealedsecrets.bitnami.com/namespace-wide: \"true\"\n", "it was sealed with the strict scope"),
    ];
    for (from, to, word) in cases {
        let place = Place::with_sealed();
        let text = place.read("sealed.yaml");
        assert!(text.contains(from), "{text}");
        place.home.write("sealed.yaml", text.replacen(from, to, 1));
        place.refuse(UNSEAL, 5, &["sealed.yaml:", word, "item \"password\"", "item \"user\"", "help: "]);
    }
}

/// The format binds an item to the object and not to its key: upstream's controller opens it as well. Nobody can notice this one.
pub(crate) fn items_that_changed_places_in_one_object_open_since_the_format_binds_no_key() {
    let place = Place::with_sealed();
    let text = place.read("sealed.yaml").replace("  password: A", "  @: A").replace("  user: A", "  password: A").replace("  @: A", "  user: A");
    place.home.write("sealed.yaml", text);
    assert_eq!(place.run("unseal --key alpha.pem --item user sealed.yaml").success(), "dummy-value");
}

pub(crate) fn an_item_of_another_object_opens_only_if_its_scope_allows_it() {
    for (scope, opens) in [("strict", false), ("namespace-wide", true), ("cluster-wide", true)] {
        let place = Place::new();
        let seal = |secret: &str| place.seal(secret, &["--scope", scope]);
        let other = seal(&SECRET.replace("name: db", "name: other").replace("dummy-value", "other-value"));
        let item = other.lines().find(|line| line.contains("password: A")).unwrap();
        let text = seal(SECRET);
        let own = text.lines().find(|line| line.contains("password: A")).unwrap();
        place.home.write("sealed.yaml", text.replace(own, item));
        if opens {
            assert_eq!(place.run("unseal --key alpha.pem --item password sealed.yaml").success(), "other-value");
        } else {
            place.refuse(UNSEAL, 5, &["SealedSecret shop/db, item \"password\": cannot open"]);
        }
    }
}

pub(crate) fn base64_with_line_breaks_is_accepted() {
    let place = Place::with_sealed();
    let text = place.read("sealed.yaml");
    let item = text.lines().find_map(|line| line.trim_start().strip_prefix("password: ")).unwrap();
    let folded: Vec<&str> = item.as_bytes().chunks(64).map(|part| std::str::from_utf8(part).unwrap()).collect();
    place.home.write("sealed.yaml", text.replace(item, &format!("|\n      {}", folded.join("\n      "))));
    assert_eq!(place.run("unseal --key alpha.pem --item password sealed.yaml").success(), "dummy-value");
    place.run("verify --key alpha.pem sealed.yaml").success();
    let data = SECRET.replace("stringData", "data").replace("dummy-value", "|\n    ZHVtbXkt\n    dmFsdWU=").replace("user: shop", "user: c2hvcA==");
    place.home.write("sealed.yaml", place.seal(&data, &[]));
    assert_eq!(place.run("unseal --key alpha.pem --item password sealed.yaml").success(), "dummy-value");
}

pub(crate) fn an_expired_certificate_seals_nothing_and_its_items_still_open() {
    let place = Place::with_sealed();
    place.home.write("plain.yaml", SECRET);
    place.refuse("seal --cert expired.crt plain.yaml", 2, &["it expired on 20", "help: "]);
    place.refuse("seal --cert expired.crt --output out.yaml plain.yaml", 2, &["expired"]);
    place.refuse("seal --cert expired.crt --out-dir out plain.yaml", 2, &["expired"]);
    place.refuse("seal --cert expired.crt --merge-into sealed.yaml plain.yaml", 2, &["expired"]);
    place.refuse("reseal --key alpha.pem --cert expired.crt --in-place sealed.yaml", 2, &["expired"]);
    // What was sealed while it was valid.
    let certificate = Certificate::from_pem(place.read("expired.crt").as_bytes()).unwrap();
    let text = ["password: dummy-value", "user: shop"].iter().fold(place.seal(SECRET, &["--no-hint"]), |text, pair| {
        let (key, value) = pair.split_once(": ").unwrap();
        let item = Sealed::seal(certificate.key(), &Scope::Strict.label("shop", "db"), &SecretBytes::new(value.into())).unwrap().to_base64();
        let old = text.lines().find(|line| line.trim_start().starts_with(&format!("{key}: A"))).unwrap();
        text.replace(old, &format!("    {key}: {item}"))
    });
    place.home.write("sealed.yaml", text);
    assert_eq!(place.run("unseal --key expired.pem --item password sealed.yaml").success(), "dummy-value");
    place.run("verify --key expired.pem sealed.yaml").success();
    // And it gets away from that certificate.
    place.run("reseal --key expired.pem --cert alpha.crt --in-place sealed.yaml").success();
    assert_eq!(place.run("unseal --key alpha.pem --item password sealed.yaml").success(), "dummy-value");
}

pub(crate) fn a_foreign_certificate_or_key_is_named_as_such() {
    let place = Place::with_sealed();
    place.refuse("verify --cert foreign.crt sealed.yaml", 4, &["sealed.yaml:", "SealedSecret shop/db", "none of those given"]);
    place.refuse("unseal --key foreign.pem sealed.yaml", 4, &["SealedSecret shop/db, item \"password\": cannot open the item", "help: "]);
    place.refuse("reseal --key foreign.pem --in-place sealed.yaml", 4, &["item \"user\""]);
    place.refuse("unseal --key alpha.crt sealed.yaml", 2, &["alpha.crt: cannot read the private key", "PRIVATE KEY"]);
    place.refuse("seal --cert alpha.pem.none sealed.yaml", 3, &["Secret"]);
}

pub(crate) fn the_worst_of_many_files_decides_the_status_and_all_are_named() {
    let place = Place::with_sealed();
    place.damage("password", |bytes| bytes[260] ^= 1);
    place.home.write("many/1.yaml", "a: [\n");
    place.home.write("many/2.yaml", place.read("sealed.yaml"));
    place.home.write("many/3.yaml", place.seal(SECRET, &["--no-hint", "--name", "x"]).replace("name: x\n", "name: y\n"));
    place.home.write("many/4.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: [not, a, mapping]\n");
    // Folders may hold YAML of another kind.
    place.home.write("many/5.yaml", "- not\n- an object\n");
    let words = ["many/1.yaml:", "many/2.yaml:", "many/3.yaml:", "many/4.yaml:"];
    place.refuse("verify --key alpha.pem many", 5, &words);
    place.refuse("unseal --key alpha.pem many", 5, &words);
    place.refuse("reseal --key alpha.pem --key beta.pem --dry-run many", 5, &words);
}
