use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use serde_json::{Value, json};

use super::*;

const MIB: usize = 1 << 20;

/// A store whose secrets are as long as it likes, and that knows how many reads and searches were under way at most.
#[derive(Default)]
struct Generous {
    length: usize,
    /// What it has, if not something else for each key.
    same: Option<Arc<Answer>>,
    asked: AtomicUsize,
    reads: AtomicUsize,
    searches: AtomicUsize,
    most: AtomicUsize,
}

impl Generous {
    fn of(length: usize) -> Self {
        Self { length, ..Self::default() }
    }

    fn value(&self) -> SecretBytes {
        SecretBytes::new(vec![b'x'; self.length])
    }

    /// Counts what is under way while others have their turn.
    async fn wait(&self, under_way: &AtomicUsize) {
        self.asked.fetch_add(1, Ordering::Relaxed);
        under_way.fetch_add(1, Ordering::Relaxed);
        let (reads, searches) = (self.reads.load(Ordering::Relaxed), self.searches.load(Ordering::Relaxed));
        assert!(searches == 0 || (searches == 1 && reads == 0), "a search is under way with {reads} reads and {searches} searches");
        self.most.fetch_max(reads + searches, Ordering::Relaxed);
        let mut turns = 0;
        poll_fn(|context| {
            turns += 1;
            context.waker().wake_by_ref();
            if turns > 3 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Desk for Generous {
    fn read<'a>(&'a self, _: &'a StoreRef, _: &'a Reference) -> BoxFuture<'a, Result<(Option<Arc<Answer>>, Lookup)>> {
        Box::pin(async {
            self.wait(&self.reads).await;
            let answer = self.same.as_ref().map_or_else(|| Arc::new(Answer::Value(self.value())), Arc::clone);
            Ok((Some(answer), Lookup::ExactThenPath))
        })
    }

    fn find<'a>(&'a self, _: &'a StoreRef, _: &'a Search) -> BoxFuture<'a, Result<Arc<BTreeMap<String, SecretBytes>>>> {
        Box::pin(async {
            self.wait(&self.searches).await;
            Ok(Arc::new(BTreeMap::from([("found".to_owned(), self.value())])))
        })
    }

    fn text<'a>(&'a self, _: TextPlace<'a>) -> BoxFuture<'a, Result<SecretBytes>> {
        Box::pin(async {
            self.asked.fetch_add(1, Ordering::Relaxed);
            Ok(self.value())
        })
    }
}

fn object(spec: Value) -> ExternalSecret {
    let mut object = ExternalSecret { spec: serde_json::from_value(spec).unwrap(), ..ExternalSecret::default() };
    object.spec.secret_store_ref = Some(serde_json::from_value(json!({"name": "vault"})).unwrap());
    object
}

fn data(count: usize, property: Option<&str>) -> Value {
    let entry = |index: usize| json!({"secretKey": format!("k{index}"), "remoteRef": {"key": format!("r{index}"), "property": property}});
    json!({"data": (0..count).map(entry).collect::<Vec<_>>()})
}

/// Gathers, and tells what it says of too much.
fn gathered(spec: Value, store: &Generous) -> std::result::Result<Gathered, String> {
    let done = driven(gather(&object(spec), store, Timestamp::UNIX_EPOCH));
    done.map_err(|error| format!("{error} ({})", error.advice().unwrap_or_default()))
}

/// Polls until there is an end: nothing here waits for anything outside.
fn driven<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
    }
}

fn too_much(item: &str) -> String {
    format!("item {item:?}: hold what the stores give to one object: with this entry it is longer than 64 MiB ({SPREAD})")
}

#[test]
fn a_store_that_gives_much_is_asked_no_more_once_it_is_too_much() {
    let store = Generous::of(15 * MIB);
    assert_eq!(gathered(data(200, None), &store).unwrap_err(), too_much("spec.data[4] (k4)"));
    let asked = store.asked.load(Ordering::Relaxed);
    assert!((5..=4 + AT_A_TIME).contains(&asked), "{asked}");
    assert_eq!(store.most.load(Ordering::Relaxed), AT_A_TIME, "reads go on together");
}

#[test]
fn what_a_property_is_taken_of_counts_whole_but_once() {
    let answer = format!(r#"{{"a":"b","rest":"{}"}}"#, "x".repeat(15 * MIB));
    let answer = || Arc::new(Answer::Value(SecretBytes::new(answer.as_bytes().to_vec())));
    let same = Generous { same: Some(answer()), ..Generous::default() };
    assert_eq!(gathered(data(6, Some("a")), &same).unwrap().data.len(), 6);
    assert_eq!(gathered(data(6, Some("rest")), &same).unwrap_err(), too_much("spec.data[4] (k4)"), "copies count");
    let extract = |index: usize| json!({"extract": {"key": format!("r{index}")}});
    let each = json!({"dataFrom": (0..6).map(extract).collect::<Vec<_>>()});
    assert_eq!(gathered(each, &same).unwrap_err(), too_much("spec.dataFrom[4] (r4)"));
}

#[test]
fn searches_are_under_way_alone_and_count() {
    let entries: Vec<Value> =
        (0..6).flat_map(|_| [json!({"extract": {"key": "r"}}), json!({"extract": {"key": "r"}}), json!({"find": {}})]).collect();
    let tiny = Generous { same: Some(Arc::new(Answer::Value(SecretBytes::new(b"{}".to_vec())))), ..Generous::of(9 * MIB) };
    let found = gathered(json!({"dataFrom": entries}), &tiny).unwrap();
    assert_eq!((found.data.len(), tiny.most.load(Ordering::Relaxed)), (1, 2));
    let large = Generous::of(20 * MIB);
    assert_eq!(gathered(json!({"dataFrom": vec![json!({"find": {}}); 9]}), &large).unwrap_err(), too_much("spec.dataFrom[3] (find)"));
    assert_eq!(large.asked.load(Ordering::Relaxed), 4);
}

#[test]
fn templates_from_elsewhere_are_read_once_and_count() {
    let item = |key: usize| json!({"key": format!("t{key}")});
    let from = |keys: std::ops::Range<usize>| json!({"configMap": {"name": "form", "items": keys.map(item).collect::<Vec<_>>()}});
    let spec = |from: Vec<Value>| object(json!({"target": {"template": {"templateFrom": from}}}));
    let store = Generous::of(MIB);
    let read = |object: &ExternalSecret| driven(texts(object, &store));
    assert!(read(&spec(vec![from(0..60), from(0..60), from(0..60)])).is_ok());
    assert_eq!(store.asked.load(Ordering::Relaxed), 60);
    let error = read(&spec(vec![from(0..60), from(60..90)])).unwrap_err();
    let expected = "item \"spec.target.template.templateFrom[1]\": hold the templates of one object: with this entry they are longer than 64 MiB";
    assert_eq!((error.to_string().as_str(), error.advice()), (expected, Some(SPREAD)));
}
