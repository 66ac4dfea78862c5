//! The façade live, on tokio's time, which the tests let pass.

use super::*;
use std::pin::pin;

fn paused<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let mut runtime = runtime;
    runtime.enable_time().start_paused(true).build().expect("a runtime").block_on(test)
}

#[test]
fn live_it_is_tokios() {
    paused(async {
        assert!(!is_virtual() && now().virtual_time().is_none());
        let (begun, tokios) = (now(), tokio::time::Instant::now());
        sleep(Duration::from_millis(30)).await;
        sleep_until(begun + Duration::from_millis(40)).await;
        assert_eq!(begun.elapsed(), Duration::from_millis(40));
        assert_eq!(tokios.elapsed(), Duration::from_millis(40));
        assert_eq!((now() - begun, begun - now()), (Duration::from_millis(40), Duration::ZERO));
        let mut timer = pin!(sleep(Duration::from_secs(9)));
        timer.as_mut().reset(begun + Duration::from_millis(50));
        assert_eq!(timer.deadline(), begun + Duration::from_millis(50));
        timer.await;
        assert_eq!(begun.elapsed(), Duration::from_millis(50));
        assert_eq!(spawn_blocking(|| 7).await.expect("computed"), 7);
        assert!(date() > UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    });
}

#[test]
fn live_timeouts_end_what_is_late() {
    paused(async {
        let begun = now();
        let late = timeout(Duration::from_millis(5), std::future::pending::<()>()).await;
        assert_eq!(late, Err(Elapsed));
        assert_eq!(timeout_at(begun, async { 1 }).await, Ok(1), "what is there comes first");
        let busy = async {
            loop {
                tokio::task::consume_budget().await;
            }
        };
        assert_eq!(
            timeout_at::<std::pin::Pin<Box<dyn Future<Output = ()>>>>(begun, Box::pin(busy)).await,
            Err(Elapsed)
        );
        assert_eq!(io::Error::from(Elapsed).kind(), io::ErrorKind::TimedOut);
    });
}

#[test]
fn live_intervals_keep_their_beat() {
    paused(async {
        let begun = now();
        let mut beat = interval(Duration::from_millis(10));
        let mut due = Vec::new();
        for n in 0..4 {
            due.push(beat.tick().await - begun);
            if n == 0 {
                sleep(Duration::from_millis(25)).await;
            }
        }
        assert_eq!(due, [0, 10, 20, 30].map(Duration::from_millis));
        assert_eq!(begun.elapsed(), Duration::from_millis(30));
    });
}
