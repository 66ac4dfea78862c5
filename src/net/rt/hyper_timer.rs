//! What hyper asks for the time.

use super::instant::{Instant, Kind};
use super::{Sleep, sleep, sleep_until};
use crate::base;
use std::pin::Pin;
use std::sync::OnceLock;
use std::time::Duration;

/// The timer for hyper's timeouts (`http1::Builder::timer`), which then hold in a simulation, too.
///
/// ```
/// use hyper::server::conn::http1;
/// use netglass::net::rt;
/// use std::time::Duration;
///
/// let mut server = http1::Builder::new();
/// server.timer(rt::Timer).header_read_timeout(Duration::from_secs(10));
/// server.auto_date_header(!rt::is_virtual());
/// ```
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Timer;

/// The standard library's moments cannot be made from nothing: this one stands for the beginning
/// of every simulation.
fn beginning() -> std::time::Instant {
    static BEGINNING: OnceLock<std::time::Instant> = OnceLock::new();
    *BEGINNING.get_or_init(std::time::Instant::now)
}

fn from_std(at: std::time::Instant) -> Instant {
    Instant(match super::is_virtual() {
        true => Kind::Virtual(base::Instant::ZERO + at.saturating_duration_since(beginning())),
        false => Kind::Live(at.into()),
    })
}

impl hyper::rt::Timer for Timer {
    fn sleep(&self, time: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(sleep(time))
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(sleep_until(from_std(deadline)))
    }

    fn now(&self) -> std::time::Instant {
        match Instant::now().0 {
            Kind::Live(at) => at.into_std(),
            Kind::Virtual(at) => beginning() + at.since(base::Instant::ZERO),
        }
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn hyper::rt::Sleep>>, deadline: std::time::Instant) {
        match sleep.as_mut().downcast_mut_pin::<Sleep>() {
            Some(sleep) => sleep.reset(from_std(deadline)),
            None => *sleep = self.sleep_until(deadline),
        }
    }
}

impl hyper::rt::Sleep for Sleep {}
