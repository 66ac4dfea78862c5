//! `netglass dig`: ask a name server from the virtual host's side.

use super::args::DigArgs;
use super::{Failure, Outcome, host, talk};
use crate::app::dns::Dig;
use crate::base::Duration;
use std::process::ExitCode;
use std::time::SystemTime;

pub(super) fn run(args: &DigArgs) -> Outcome {
    let dig = Dig::parse(args.words.iter().map(String::as_str)).map_err(Failure::usage)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let secret = host::secret()?;
    let client = args.client.host();
    let (session, network) = host::client(&client, false)?;
    let asked = dig.run(&session.host, host::linux(&client), secret, SystemTime::now);
    let told = runtime.block_on(asked);
    let stopped = session.stop(Duration::from_secs(2));
    drop(network);
    if !told.text.is_empty() {
        talk::say(&told.text)?;
    }
    stopped.map(|()| ExitCode::from(told.code))
}
