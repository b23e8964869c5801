//! Files and disks that do not want to be written.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tests::disk::on_a_small_disk;
use tests::sealer;

use crate::place::{Place, SECRET};

pub(crate) fn a_full_disk_costs_no_byte_and_is_worth_another_try() {
    let place = Place::with_sealed();
    place.home.write("big.yaml", SECRET.replace("dummy-value", &"x".repeat(60_000)));
    let commands = [
        "seal --cert alpha.crt --merge-into disk/sealed.yaml big.yaml",
        "seal --cert alpha.crt --output disk/sealed.yaml big.yaml",
        "seal --cert alpha.crt --out-dir disk/out big.yaml",
        "unseal --key alpha.pem --output disk/sealed.yaml big-sealed.yaml",
    ];
    place.home.write("big-sealed.yaml", place.run("seal --cert alpha.crt big.yaml").success());
    for command in commands {
        let script = format!(
            "cp sealed.yaml disk; set +e; $SEALER {command}; echo status $?; cmp sealed.yaml disk/sealed.yaml && echo whole; find disk -type f"
        );
        let ended = on_a_small_disk(&place.home, &script);
        assert_eq!(ended.text(), "status 6\nwhole\ndisk/sealed.yaml\n", "{command}: {}", ended.error());
        assert!(ended.error().contains("cannot write the file: no space left on device"), "{}", ended.error());
    }
}

pub(crate) fn a_full_disk_costs_no_byte_of_what_is_resealed_in_place() {
    let place = Place::with_sealed();
    // The disk holds the file and not a second one of its size.
    place.home.write("sealed.yaml", place.seal(&SECRET.replace("dummy-value", &"x".repeat(30_000)), &[]));
    let command = "reseal --key alpha.pem --key beta.pem --in-place disk/sealed.yaml";
    let script =
        format!("cp sealed.yaml disk; set +e; $SEALER {command}; echo status $?; cmp sealed.yaml disk/sealed.yaml && echo whole; ls -A disk");
    let ended = on_a_small_disk(&place.home, &script);
    assert_eq!(ended.text(), "status 6\nwhole\nsealed.yaml\n", "{}", ended.error());
    assert!(ended.error().contains("cannot write the file: no space left on device"), "{}", ended.error());
}

pub(crate) fn a_full_disk_costs_local_no_secret() {
    let place = Place::new();
    place.home.write("src/db.yaml", SECRET);
    place.home.write("big.yaml", SECRET.replace("dummy-value", &"x".repeat(60_000)));
    // The SealedSecrets are elsewhere: it is the Secret that finds no room.
    let local = "$SEALER local src --in-place --key-size 2048 --out disk/out --keys keys";
    // The second pass finds no room; the third one finds the old source again.
    let script = format!(
        "{local} >first; cp -r disk/out before; cp src/db.yaml small.yaml; cp big.yaml src/db.yaml; set +e; {local} >second; echo status $?; \
         cmp before/secrets/shop/db.yaml disk/out/secrets/shop/db.yaml && echo whole; ls -A disk/out/secrets/shop; \
         cp small.yaml src/db.yaml; {local} >third; echo status $?"
    );
    let ended = on_a_small_disk(&place.home, &script);
    assert_eq!(ended.text(), "status 6\nwhole\ndb.yaml\nstatus 0\n", "{}", ended.error());
    assert!(ended.error().contains("no space left on device"), "{}", ended.error());
}

pub(crate) fn a_disk_that_can_not_be_written_is_denied() {
    let place = Place::with_sealed();
    for command in [
        "reseal --key alpha.pem --key beta.pem --in-place disk/sealed.yaml",
        "seal --cert alpha.crt --output disk/new.yaml plain.yaml",
        "keys new --key-size 2048 --keys disk/keys",
    ] {
        place.home.write("plain.yaml", SECRET);
        let script = format!("cp sealed.yaml disk; mount -o remount,ro disk; set +e; $SEALER {command}; echo status $?; find disk -type f");
        let ended = on_a_small_disk(&place.home, &script);
        assert_eq!(ended.text(), "status 4\ndisk/sealed.yaml\n", "{}", ended.error());
        assert!(ended.error().contains("disk/") && ended.error().contains("read-only file system"), "{}", ended.error());
    }
}

pub(crate) fn a_full_standard_output_is_noticed() {
    let place = Place::with_sealed();
    place.home.write("plain.yaml", SECRET);
    for command in ["seal --cert alpha.crt plain.yaml", "unseal --key alpha.pem sealed.yaml", "cert --cert alpha.crt", "verify sealed.yaml"] {
        let script = format!("{} {command} > /dev/full", sealer().display());
        let ended = place.home.command("sh").args(["-c", &script]).run();
        assert_eq!(ended.status, 6, "{command}: {}", ended.error());
        assert!(ended.error().contains("cannot write to standard output: no space left on device"), "{}", ended.error());
    }
}

pub(crate) fn a_read_only_file_is_left_alone() {
    let place = Place::with_sealed();
    place.home.write("plain.yaml", SECRET);
    fs::set_permissions(place.path("sealed.yaml"), fs::Permissions::from_mode(0o444)).unwrap();
    for line in [
        "reseal --key alpha.pem --key beta.pem --in-place sealed.yaml",
        "seal --cert alpha.crt --merge-into sealed.yaml plain.yaml",
        "seal --cert alpha.crt --output sealed.yaml plain.yaml",
        "unseal --key alpha.pem --output beta.crt/x sealed.yaml",
    ] {
        let said = place.refuse(line, if line.contains("beta.crt/x") { 2 } else { 4 }, &["cannot write the file: "]);
        assert!(said.contains("sealed.yaml: ") || said.contains("beta.crt/x: "), "{said}");
    }
}

pub(crate) fn a_link_stays_a_link_and_its_file_is_written() {
    let place = Place::with_sealed();
    place.home.write("plain.yaml", SECRET.replace("user: shop", "more: x"));
    fs::set_permissions(place.path("sealed.yaml"), fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("sealed.yaml", place.path("link.yaml")).unwrap();
    place.run("seal --cert alpha.crt --merge-into link.yaml plain.yaml").success();
    assert!(place.path("link.yaml").is_symlink());
    assert!(!place.path("sealed.yaml").is_symlink());
    assert_eq!(fs::metadata(place.path("sealed.yaml")).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(place.run("unseal --key alpha.pem --item more sealed.yaml").success(), "x");

    std::os::unix::fs::symlink("nowhere.yaml", place.path("dangling.yaml")).unwrap();
    std::os::unix::fs::symlink("loop.yaml", place.path("loop.yaml")).unwrap();
    place.refuse("seal --cert alpha.crt --output dangling.yaml plain.yaml", 3, &["dangling.yaml: cannot write the file"]);
    place.refuse("seal --cert alpha.crt --merge-into dangling.yaml plain.yaml", 3, &["dangling.yaml: cannot read the file"]);
    place.refuse("seal --cert alpha.crt --output loop.yaml plain.yaml", 2, &["loop.yaml: cannot write the file"]);
    place.refuse("unseal --key alpha.pem loop.yaml", 2, &["loop.yaml: cannot read the file"]);
}

pub(crate) fn no_result_is_written_over_its_own_source_or_over_another_result() {
    let place = Place::with_sealed();
    place.home.write("a/db.yaml", SECRET);
    place.home.write("b/db.yaml", SECRET.replace("name: db", "name: two"));
    std::os::unix::fs::symlink("a/db.yaml", place.path("link.yaml")).unwrap();
    place.refuse("seal --cert alpha.crt --output a/db.yaml a/db.yaml", 2, &["a/db.yaml: cannot write the result over its own source"]);
    place.refuse("seal --cert alpha.crt --output link.yaml a/db.yaml", 2, &["over its own source"]);
    place.refuse("seal --cert alpha.crt --out-dir a a", 2, &["a/db.yaml: cannot write the result over its own source"]);
    place.refuse("seal --cert alpha.crt --out-dir b a b", 2, &["b/db.yaml: "]);
    place.refuse("unseal --key alpha.pem --output sealed.yaml sealed.yaml", 2, &["over its own source"]);
    place.refuse("seal --cert alpha.crt --out-dir out a b", 2, &["out/db.yaml: ", "a/db.yaml", "b/db.yaml", "help: "]);
}

pub(crate) fn what_is_for_its_owner_only_is_closed_even_if_the_file_was_open() {
    let place = Place::with_sealed();
    place.home.write("plain.yaml", "old");
    fs::set_permissions(place.path("plain.yaml"), fs::Permissions::from_mode(0o666)).unwrap();
    place.run("unseal --key alpha.pem --output plain.yaml sealed.yaml").success();
    assert_eq!(fs::metadata(place.path("plain.yaml")).unwrap().permissions().mode() & 0o777, 0o600);
}
