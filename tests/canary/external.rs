//! ExternalSecrets and their stores at the terminal.

use std::thread;

use tests::marked::{self, MARK, find, forms};
use tests::process::{Ended, Home};
use tests::sealer;
use tests::stub::Stub;

/// How many commands run at a time: most of them wait for a system that asks for patience.
const AT_A_TIME: usize = 8;

struct Place {
    home: Home,
    system: Stub,
    marks: Vec<String>,
    objects: Vec<String>,
}

impl Place {
    fn new() -> Self {
        let (home, system) = (Home::new(), marked::system());
        for (at, object) in marked::credentials().iter().chain(&marked::stores(&system.url())).enumerate() {
            home.write(format!("stores/{at}.yaml"), object.to_string());
        }
        let mut objects = Vec::new();
        for object in marked::external_secrets(&system.url()) {
            objects.push(format!("objects/{}.yaml", object["metadata"]["name"].as_str().unwrap()));
            home.write(objects.last().unwrap(), object.to_string());
        }
        Self { home, system, marks: forms(MARK), objects }
    }

    fn sealer(&self, line: &str) -> Ended {
        let command = self.home.command(sealer()).args(line.split(' '));
        let endpoints = ["AWS_SECRETSMANAGER_ENDPOINT", "AWS_SSM_ENDPOINT"];
        endpoints.iter().fold(command, |command, name| command.env(name, self.system.url())).run()
    }

    /// Runs commands; how many fail, and what each shows of the marks. What was printed because it was asked for does not count.
    fn check(&self, lines: &[String]) -> (usize, Vec<String>) {
        let run = |line: &String| {
            let ended = self.sealer(line);
            assert!(ended.status != 101 && ended.status < 128, "{line} broke: {}", ended.error());
            let asked = line.starts_with("fetch ") || line.contains("/public-");
            let shown = if asked && ended.status == 0 { ended.stderr.clone() } else { [&ended.stderr[..], &ended.stdout].concat() };
            let found = find(&shown, &self.marks).map(|mark| format!("{line} shows {mark:?}:\n{}", String::from_utf8_lossy(&shown)));
            (usize::from(ended.status != 0), found)
        };
        let chunks = lines.chunks(lines.len().div_ceil(AT_A_TIME).max(1));
        thread::scope(|scope| {
            let threads: Vec<_> = chunks.map(|chunk| scope.spawn(move || chunk.iter().map(run).collect::<Vec<_>>())).collect();
            let done: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
            (done.iter().map(|(failed, _)| failed).sum(), done.into_iter().filter_map(|(_, found)| found).collect())
        })
    }
}

#[test]
fn no_error_path_of_a_store_shows_a_value_or_a_credential() {
    let place = Place::new();
    let each = |line: &str| place.objects.iter().map(|object| line.replace("OBJECT", object)).collect::<Vec<_>>();
    for line in ["render stores OBJECT", "render -o json stores OBJECT", "run stores OBJECT -- true"] {
        let (failed, found) = place.check(&each(line));
        assert!(found.is_empty(), "{} of {}:\n{}", found.len(), place.objects.len(), found[..found.len().min(5)].join("\n"));
        assert!(failed + 60 > place.objects.len(), "{line}: {failed} of {}", place.objects.len());
    }
    let answers = marked::answers(&place.system.url());
    let lines: Vec<String> = answers.iter().map(|(store, key)| format!("fetch stores {key} --store {store}")).collect();
    let more = ["text --property x", "ok --property nowhere", "nowhere", "ok --version v9", "ok --metadata"]
        .map(|rest| format!("fetch stores {rest} --store good"));
    let (failed, found) = place.check(&[lines, more.to_vec()].concat());
    assert!(found.is_empty(), "{}:\n{}", found.len(), found[..found.len().min(5)].join("\n"));
    assert!(failed > answers.len() / 2, "{failed}");
    assert!(!place.system.asked().is_empty());
}

#[test]
fn a_folder_of_external_secrets_that_fail_shows_nothing_of_them() {
    let place = Place::new();
    let ended = place.sealer("local . --keys keys --out out --key-size 2048");
    assert!(ended.error().contains("cannot ") || ended.text().contains("cannot "), "{} {}", ended.text(), ended.error());
    for shown in [&ended.stdout, &ended.stderr, &std::fs::read(place.home.path().join("out/state.json")).unwrap_or_default()] {
        assert_eq!(find(shown, &place.marks), None, "{}", String::from_utf8_lossy(shown));
    }
}
