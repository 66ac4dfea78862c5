//! Tasks, timers, and what goes wrong.

use super::*;
use crate::net::rt;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Lets time jump from timer to timer until nobody waits any more.
fn run(executor: &mut Executor) -> Result<Instant, Failure> {
    let mut now = executor.time().peek();
    loop {
        executor.run_until_idle(now)?;
        match executor.deadline() {
            Some(at) => now = at,
            None => return Ok(now),
        }
    }
}

/// What `program` returns in a simulation of its own, and when its last task has waited.
fn simulate<T: Send + 'static>(program: impl Future<Output = T> + Send + 'static) -> (T, Instant) {
    let mut executor = Executor::new();
    let (tell, mut told) = oneshot::channel();
    executor.spawn(async move { drop(tell.send(program.await)) });
    let end = run(&mut executor).expect("it goes well");
    (told.try_recv().expect("it has ended"), end)
}

#[test]
fn time_passes_by_the_nanosecond() {
    let (times, end) = simulate(async {
        let begun = rt::now();
        rt::sleep(Duration::from_nanos(1)).await;
        let first = begun.elapsed();
        rt::sleep_until(begun + Duration::from_nanos(1001)).await;
        let late = rt::timeout(Duration::from_nanos(7), std::future::pending::<()>()).await;
        assert_eq!(late, Err(rt::Elapsed));
        let second = begun.elapsed();
        let in_time = rt::timeout(Duration::from_nanos(7), rt::sleep(Duration::from_nanos(7)));
        assert_eq!(in_time.await, Ok(()), "what comes at the last moment is in time");
        rt::sleep(Duration::ZERO).await;
        (first.as_nanos(), second.as_nanos(), rt::date())
    });
    let date = std::time::UNIX_EPOCH + Duration::from_nanos(1015);
    assert_eq!(times, (1, 1008, date));
    assert_eq!(end.as_nanos(), 1015, "timers that are given up hold nobody");
}

#[test]
fn a_thousand_timers_fire_in_order() {
    let (order, end) = simulate(async {
        let (tell, mut told) = mpsc::unbounded_channel();
        for n in 0..1000_u64 {
            let tell = tell.clone();
            // Ten wait for each moment; a hundred moments, in no order.
            let at = n * 7919 % 100;
            rt::spawn(async move {
                rt::sleep(Duration::from_nanos(at)).await;
                tell.send((at, n)).expect("somebody listens");
            });
        }
        drop(tell);
        let mut order = Vec::new();
        while let Some(one) = told.recv().await {
            order.push(one);
        }
        order
    });
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!((order.len(), end.as_nanos()), (1000, 99));
    assert_eq!(order, sorted, "by moment, then by who began to wait first");
}

#[test]
fn an_interval_and_what_is_reset_keep_virtual_time() {
    let (due, _) = simulate(async {
        let mut beat = rt::interval(Duration::from_nanos(3));
        let mut timer = Box::pin(rt::sleep(Duration::MAX));
        timer.as_mut().reset(rt::now() + Duration::from_nanos(10));
        let mut due = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = timer.as_mut() => return (due, rt::now().virtual_time()),
                at = beat.tick() => due.push(at.virtual_time().expect("virtual").as_nanos()),
            }
        }
    });
    assert_eq!(due, (vec![0, 3, 6, 9], Some(Instant::from_nanos(10))));
}

/// What is made of tasks works: sets of them, channels, barriers, joins, and computing.
#[test]
fn tasks_are_tokios() {
    let (sum, _) = simulate(async {
        let barrier = Arc::new(tokio::sync::Barrier::new(10));
        let mut set = tokio::task::JoinSet::new();
        for n in 0..10_u64 {
            let barrier = Arc::clone(&barrier);
            set.spawn(async move {
                rt::sleep(Duration::from_millis(n)).await;
                barrier.wait().await;
                tokio::task::yield_now().await;
                n
            });
        }
        let (joined, computed) =
            tokio::join!(set.join_all(), rt::spawn_blocking(|| rt::now().virtual_time()));
        assert_eq!(computed.expect("computed"), Some(Instant::ZERO));
        let spawned = tokio::spawn(async { 1 }).await.expect("it ends well");
        joined.into_iter().sum::<u64>() + spawned
    });
    assert_eq!(sum, 46);
}

/// The executor is not entered without need, and does not rest while somebody can go on.
#[test]
fn it_knows_when_somebody_can_go_on() {
    let mut executor = Executor::new();
    assert!(!executor.is_ready());
    let (tell, told) = oneshot::channel::<()>();
    let task = executor.spawn(async move { told.await.expect("told") });
    assert!(executor.is_ready());
    executor.run_until_idle(Instant::ZERO).expect("it goes well");
    assert!(!executor.is_ready() && executor.deadline().is_none() && !task.is_finished());
    tell.send(()).expect("it listens");
    assert!(executor.is_ready());
    executor.run_until_idle(Instant::from_nanos(5)).expect("it goes well");
    assert!(task.is_finished() && executor.tasks() == 0);
    let sleeping = {
        let _inside = executor.enter();
        rt::spawn(rt::sleep(Duration::from_nanos(2)))
    };
    executor.run_until_idle(Instant::from_nanos(5)).expect("it goes well");
    assert_eq!(executor.deadline(), Some(Instant::from_nanos(7)));
    assert!(!rt::is_virtual() && !sleeping.is_finished());
}

#[track_caller]
fn fails(program: impl Future<Output = ()> + Send + 'static) -> String {
    let mut executor = Executor::bounded(1000);
    executor.spawn(program);
    let failure = run(&mut executor).expect_err("it fails");
    failure.to_string()
}

#[test]
fn what_goes_wrong_is_told() {
    let told = fails(async {
        // Nobody joins it.
        tokio::spawn(async { panic!("no {}", "luck") });
    });
    assert!(told.starts_with("a program panicked: no luck, at src/sim/exec/tests.rs:"), "{told}");
    let told = fails(async { tokio::time::sleep(Duration::from_secs(1)).await });
    assert!(told.contains("timers are disabled"), "{told}");
    assert!(told.ends_with("and netglass::net::tokio the sockets)"), "{told}");
    let told = fails(async {
        rt::sleep(Duration::from_millis(1500)).await;
        loop {
            rt::yield_now().await;
        }
    });
    assert_eq!(
        told,
        "at 1.500000 programs go on without waiting for anything: a sleep, a pause or a rate lets time pass"
    );
    let told = fails(async {
        loop {
            rt::sleep(Duration::ZERO).await;
        }
    });
    assert_eq!(
        told,
        "at 0.000000 programs go on without waiting for anything: a sleep, a pause or a rate lets time pass"
    );
    // A panic outside of a simulation is nobody's failure.
    let outside = std::panic::catch_unwind(|| panic!("outside"));
    assert!(outside.is_err() && PANIC.take().is_none());
}

#[test]
fn moments_of_two_kinds_do_not_mix() {
    let live = rt::now();
    let told = fails(async move { rt::sleep_until(live).await });
    assert!(told.contains("a moment of real time meets one of a simulation"), "{told}");
}

/// What tasks do while they are dropped happens in the simulation, and their timers go with them.
#[test]
fn dropping_it_drops_the_tasks() {
    struct Last(Arc<Mutex<Option<Instant>>>);
    impl Drop for Last {
        fn drop(&mut self) {
            *self.0.lock().expect("a mutex") = rt::now().virtual_time();
        }
    }
    let at = Arc::new(Mutex::new(None));
    let last = Last(Arc::clone(&at));
    let mut executor = Executor::new();
    executor.spawn(async move {
        rt::sleep(Duration::from_secs(1)).await;
        drop(last);
    });
    executor.run_until_idle(Instant::from_nanos(3)).expect("it goes well");
    let time = Arc::clone(executor.time());
    assert!(time.deadline().is_some());
    drop(executor);
    assert_eq!(*at.lock().expect("a mutex"), Some(Instant::from_nanos(3)));
    assert_eq!(time.deadline(), None);
}
