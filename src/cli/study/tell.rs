//! `netglass explain`, `blame`, `whatif` and `diff`.

use super::args::EventArgs;
use super::source::Source;
use crate::base::EventId;
use crate::cli::{Failure, Outcome, talk};
use crate::observe::log::Log;
use crate::observe::view::run::{self, Page, RunName};
use std::process::ExitCode;

pub(super) fn page(run: RunName, all: bool) -> Page {
    Page { run, all, style: talk::view(all).style }
}

fn about(args: &EventArgs, tell: fn(&Log, EventId, &Page) -> Option<String>) -> Outcome {
    let given = args.run.run.as_deref();
    let source = Source::find(given)?;
    let log = source.log()?;
    let text = tell(&log, args.id, &page(Source::name(given), args.all)).ok_or_else(|| {
        let last = log.entries().len();
        Failure::usage(format_args!("the run has no event #{}: its last is #{last}", args.id))
    })?;
    source.remember();
    talk::say(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// `netglass explain`.
pub(in crate::cli) fn explain(args: &EventArgs) -> Outcome {
    about(args, run::explain)
}

/// `netglass blame`.
pub(in crate::cli) fn blame(args: &EventArgs) -> Outcome {
    about(args, run::blame)
}
