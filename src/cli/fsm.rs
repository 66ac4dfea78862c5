//! `netglass fsm`: the state machine, drawn from the table the code runs.

use super::Outcome;
use super::args::FsmArgs;
use crate::observe::view::fsm;
use std::process::ExitCode;

pub(super) fn run(args: &FsmArgs) -> Outcome {
    let drawing = if args.mermaid {
        fsm::mermaid()
    } else if args.svg {
        fsm::svg()
    } else {
        format!("{}\n{}", fsm::figure(), fsm::text())
    };
    super::talk::say(&drawing)?;
    Ok(ExitCode::SUCCESS)
}
