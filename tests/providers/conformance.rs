//! What every kind of store must do, over one server that plays its system, well and badly.
//!
//! A kind of store without an entry in [`kinds`] fails the suite.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use providers::provider::{Access, Answer, Capabilities, Reference, Scope, Search, StoreKind};
use providers::selector::RetrySettings;
use providers::{Error, ErrorKind};
use serde_json::Value;
use tests::access::TestAccess;
use tests::stub::{Asked, Reply, Stub};
use tests::suite::{Case, case};

#[path = "conformance/kinds.rs"]
mod kinds;

use kinds::{KINDS, Kind};

/// Stands in every credential and in every value; nothing that is told may hold it.
pub(crate) const CANARY: &str = "hunter2";

/// Kinds that ask no system.
const WITHOUT_A_SYSTEM: [&str; 1] = ["fake"];

/// A law and its name.
type Law = (&'static str, fn(&Kind));

const LAWS: &[Law] = &[
    ("a_secret_is_read_whole", a_secret_is_read_whole),
    ("secrets_are_found_by_name", secrets_are_found_by_name),
    ("a_version_is_another_secret", a_version_is_another_secret),
    ("a_missing_secret_is_no_error", a_missing_secret_is_no_error),
    ("a_refusal_is_told_as_one", a_refusal_is_told_as_one),
    ("who_is_overwhelmed_says_when_to_come_again", who_is_overwhelmed_says_when_to_come_again),
    ("what_breaks_is_asked_again_later", what_breaks_is_asked_again_later),
    ("half_an_answer_is_none", half_an_answer_is_none),
    ("a_hundred_megabytes_are_not_read", a_hundred_megabytes_are_not_read),
    ("an_answer_of_another_shape_is_none", an_answer_of_another_shape_is_none),
    ("no_redirect_gets_the_credentials", no_redirect_gets_the_credentials),
    ("an_authority_that_is_gone_is_not_trusted", an_authority_that_is_gone_is_not_trusted),
    ("an_address_that_is_not_allowed_is_not_asked", an_address_that_is_not_allowed_is_not_asked),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![
        case("conformance::every_kind_of_store_is_held_to_the_laws", &[], every_kind_of_store_is_held_to_the_laws),
        case("conformance::every_kind_of_store_stands_in_the_documents", &[], every_kind_of_store_stands_in_the_documents),
        case("conformance::who_says_nothing_is_not_waited_for", &[], who_says_nothing_is_not_waited_for),
    ];
    for kind in kinds() {
        cases.extend(LAWS.iter().map(|(name, law)| case(format!("conformance::{}::{name}", kind.name), &[], move || law(kind))));
    }
    cases
}

/// The kinds that there are.
fn kinds() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().filter(|kind| providers::stores().any(|store| store.name() == kind.name))
}

fn every_kind_of_store_is_held_to_the_laws() {
    let all: BTreeSet<&str> = providers::stores().map(StoreKind::name).collect();
    let held: BTreeSet<&str> = kinds().map(|kind| kind.name).chain(WITHOUT_A_SYSTEM).collect();
    assert_eq!(all, held);
}

fn every_kind_of_store_stands_in_the_documents() {
    let text = include_str!("../../docs/external-secrets.md");
    let table = text.lines().skip_while(|line| !line.starts_with("| `spec.provider`")).skip(2).take_while(|line| line.starts_with('|'));
    let rows: Vec<Vec<&str>> = table.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect();
    let names: Vec<String> = providers::stores().map(|kind| format!("`{}`", kind.name())).collect();
    assert_eq!(rows.iter().map(|row| row[0]).collect::<Vec<_>>(), names);
    assert!(rows.iter().all(|row| row.len() == 3 && row.iter().all(|cell| !cell.is_empty())), "{rows:?}");
}

/// Lets futures run on this thread.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made").block_on(future)
}

/// What an error says; it holds no secret.
pub(crate) fn told(error: &Error) -> String {
    let text = format!("{error} {error:?}");
    clean(&text);
    error.to_string()
}

/// No secret stands in a text, in any dress.
pub(crate) fn clean(text: &str) {
    for dress in [CANARY.to_owned(), STANDARD.encode(CANARY).trim_end_matches('=').to_owned(), "aHVudGVyM".to_owned()] {
        assert!(!text.contains(&dress), "a secret is told: {text}");
    }
}

/// Makes a store of a kind and signs in.
pub(crate) async fn connected(kind: &str, settings: &Value, access: Arc<TestAccess>) -> Result<Capabilities, Error> {
    connected_with(kind, settings, None, access).await
}

/// The same for a store that says how often a request is sent again.
pub(crate) async fn connected_with(
    kind: &str,
    settings: &Value,
    retries: Option<&RetrySettings>,
    access: Arc<TestAccess>,
) -> Result<Capabilities, Error> {
    let kind = providers::stores().find(|store| store.name() == kind).expect("there is such a kind");
    let store = kind.read(settings).inspect_err(|error| clean(&error.to_string()))?;
    clean(&format!("{store:?}"));
    store.check(access.scope())?;
    store.connect(access, retries).await
}

async fn capabilities(kind: &Kind, stub: &Stub) -> Result<Capabilities, Error> {
    let authority = stub.certificate();
    let authority = (!authority.is_empty()).then(|| STANDARD.encode(authority));
    connected(kind.name, &(kind.settings)(&stub.url(), authority.as_deref()), Arc::new((kind.access)(&stub.url()))).await
}

/// Reads the secret that every good system here has.
async fn read(kind: &Kind, stub: &Stub, what: &Reference) -> Result<Option<Answer>, Error> {
    capabilities(kind, stub).await?.source.expect("a source").read(what).await
}

pub(crate) fn named(key: &str) -> Reference {
    Reference { key: key.to_owned(), ..Reference::default() }
}

/// An answer as fields, whether it is some or the text of an object.
pub(crate) fn fields(answer: Answer) -> BTreeMap<String, String> {
    clean(&format!("{answer:?}"));
    match answer {
        Answer::Fields(fields) => fields.into_iter().map(|(name, value)| (name, String::from_utf8_lossy(value.expose()).into_owned())).collect(),
        Answer::Value(value) => serde_json::from_slice(value.expose()).expect("an object of texts"),
    }
}

fn password(version: &str) -> BTreeMap<String, String> {
    [("user", "shop".to_owned()), ("password", format!("{CANARY}-{version}"))].map(|(name, value)| (name.to_owned(), value)).into()
}

/// A system that plays well.
fn good(kind: &Kind) -> Stub {
    let stub = Stub::start();
    stub.play(kind.play);
    stub
}

/// A system that always answers so.
fn bad(reply: Reply) -> Stub {
    let stub = Stub::start();
    stub.play(move |_| reply.clone());
    stub
}

fn a_secret_is_read_whole(kind: &Kind) {
    let stub = good(kind);
    let answer = run(read(kind, &stub, &named("app"))).expect("an answer").expect("a secret");
    assert_eq!(fields(answer), password("new"));
    let told: Vec<Asked> = stub.asked();
    assert!(told.iter().all(|asked| !asked.target.contains(CANARY)), "a credential stands in an address");
}

fn secrets_are_found_by_name(kind: &Kind) {
    let stub = good(kind);
    run(async {
        let Some(catalog) = capabilities(kind, &stub).await.expect("a store").catalog else {
            return assert!(!kind.finds, "{} finds nothing", kind.name);
        };
        let search = Search { pattern: Some("^ap".to_owned()), matches: Some(Arc::new(|name: &str| name.starts_with("ap"))), ..Search::default() };
        let found = catalog.find(&search).await.expect("an answer");
        let found: BTreeMap<String, BTreeMap<String, String>> =
            found.iter().map(|(name, value)| (name.clone(), serde_json::from_slice(value.expose()).expect("an object"))).collect();
        assert_eq!(found, BTreeMap::from([("app".to_owned(), password("new"))]));
    });
}

fn a_version_is_another_secret(kind: &Kind) {
    let Some(version) = kind.old_version else { return };
    let stub = good(kind);
    let what = Reference { version: Some(version.to_owned()), ..named("app") };
    let answer = run(read(kind, &stub, &what)).expect("an answer").expect("a secret");
    assert_eq!(fields(answer), password("old"));
}

fn a_missing_secret_is_no_error(kind: &Kind) {
    let stub = good(kind);
    assert!(run(read(kind, &stub, &named("nothing"))).expect("an answer").is_none());
}

fn fails(kind: &Kind, reply: Reply) -> Error {
    let stub = bad(reply);
    let error = run(read(kind, &stub, &named("app"))).expect_err("no secret");
    assert!(!stub.asked().is_empty(), "it was never asked");
    told(&error);
    error
}

fn a_refusal_is_told_as_one(kind: &Kind) {
    let error = fails(kind, (kind.denied)());
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
}

fn who_is_overwhelmed_says_when_to_come_again(kind: &Kind) {
    let error = fails(kind, (kind.throttled)().with("Retry-After", 1));
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Busy, Some(Duration::from_secs(1))), "{error}");
}

fn what_breaks_is_asked_again_later(kind: &Kind) {
    for status in [500, 503] {
        let error = fails(kind, Reply::new(status, format!("{{\"message\": \"{CANARY}\"}}")));
        assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    }
}

fn half_an_answer_is_none(kind: &Kind) {
    let whole = (kind.play)(&kind.question());
    let Reply::Whole(_, _, body) = whole else { panic!("a good system answers whole") };
    assert!(body.contains(CANARY) || body.contains("aHVudGVyM"));
    let error = fails(kind, Reply::Half(body.clone()));
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    // Cut off by who wrote it, which the length does not show.
    let half = body.chars().take(body.len() * 3 / 4).collect::<String>();
    assert_eq!(fails(kind, Reply::new(200, half)).kind(), ErrorKind::Invalid);
}

fn a_hundred_megabytes_are_not_read(kind: &Kind) {
    let error = fails(kind, Reply::Long(100 * 1024 * 1024));
    assert!(told(&error).contains("too long"), "{error}");
}

fn an_answer_of_another_shape_is_none(kind: &Kind) {
    let nested = "[".repeat(100_000);
    let common = ["", "null", "[]", "<html>hunter2</html>", "\"hunter2", "\u{0}", &nested];
    for body in common.iter().chain(kind.wrong) {
        let error = fails(kind, Reply::new(200, body));
        assert_eq!(error.kind(), ErrorKind::Invalid, "{body:.40}: {error}");
    }
}

fn no_redirect_gets_the_credentials(kind: &Kind) {
    let elsewhere = good(kind);
    for status in [301, 302, 303, 307, 308] {
        let error = fails(kind, Reply::new(status, "").with("Location", format!("{}/", elsewhere.url())));
        assert!(told(&error).contains("redirects"), "{error}");
    }
    assert!(elsewhere.asked().is_empty());
}

fn an_authority_that_is_gone_is_not_trusted(kind: &Kind) {
    if !kind.names_authorities {
        return;
    }
    let stub = Stub::start_secured();
    stub.play(kind.play);
    run(async {
        let source = capabilities(kind, &stub).await.expect("a store").source.expect("a source");
        assert!(source.read(&named("app")).await.expect("an answer").is_some());
        stub.renew_certificate();
        let error = source.read(&named("app")).await.expect_err("no secret");
        assert_eq!(error.kind(), ErrorKind::Busy, "{}", told(&error));
        // Whoever is told of the new authority trusts the same server again.
        assert!(read(kind, &stub, &named("app")).await.expect("an answer").is_some());
    });
}

fn an_address_that_is_not_allowed_is_not_asked(kind: &Kind) {
    if !kind.is_held_back {
        return;
    }
    let stub = good(kind);
    let access = (kind.access)(&stub.url()).with_reach(providers::Reach::default());
    let asked = async {
        connected(kind.name, &(kind.settings)(&stub.url(), None), Arc::new(access)).await?.source.expect("a source").read(&named("app")).await
    };
    let error = run(asked).expect_err("no secret");
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert!(told(&error).contains("--allow-provider-cidr") && stub.asked().is_empty());
    assert_eq!((kind.access)("").scope(), Scope::Namespace);
}

/// All kinds at once: each waits as long as it waits.
fn who_says_nothing_is_not_waited_for() {
    let threads: Vec<_> = kinds()
        .map(|kind| {
            thread::spawn(move || {
                let error = fails(kind, Reply::Silence);
                assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
                assert!(told(&error).contains("no answer in time"), "{error}");
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("a law holds");
    }
}
