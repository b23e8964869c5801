//! One format for all logs; what is no warning may go another way than what is.

use std::io::{self, Stderr, Stdout};

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::writer::{EitherWriter, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::args::{Arguments, LogFormat};

/// Standard output for what is no warning, if that is wanted; standard error for the rest.
struct Streams {
    split: bool,
}

impl<'a> MakeWriter<'a> for Streams {
    type Writer = EitherWriter<Stdout, Stderr>;

    fn make_writer(&'a self) -> Self::Writer {
        EitherWriter::B(io::stderr())
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        // Levels are ordered by how much they say: INFO, DEBUG and TRACE come after WARN.
        if self.split && *metadata.level() >= Level::INFO { EitherWriter::A(io::stdout()) } else { EitherWriter::B(io::stderr()) }
    }
}

/// Starts to log. Libraries say warnings only: what they tell in detail may quote requests.
pub(crate) fn start(arguments: &Arguments) {
    // kube's client quotes whole answers when it can not read one.
    let silent = ["kube_client", "kube_runtime"].map(|library| (library, LevelFilter::OFF));
    let targets = Targets::new().with_target("sealer_controller", arguments.log_level).with_default(Level::WARN).with_targets(silent);
    let streams = Streams { split: arguments.log_info_stdout };
    let layer = match arguments.log_format {
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_writer(streams).with_filter(targets).boxed(),
        LogFormat::Text => fmt::layer().with_ansi(false).with_writer(streams).with_filter(targets).boxed(),
    };
    tracing_subscriber::registry().with(layer).init();
}
