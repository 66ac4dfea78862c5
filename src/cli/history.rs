//! The last records of a host, kept so that a service can show them.

use crate::app::sight;
use crate::base::ConnId;
use crate::net::Observer;
use crate::observe::view::{Ladder, Options};
use crate::stack::{Event, Record};
use crate::tcp;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// How many records are kept.
const KEPT: usize = 20_000;

/// A shared, bounded memory of records. Add a clone to a host as an observer.
#[derive(Clone, Debug, Default)]
pub(super) struct History(Arc<Mutex<VecDeque<Record>>>);

impl History {
    /// An empty memory.
    pub(super) fn new() -> History {
        History::default()
    }

    /// What draws the ladder of a connection for a service.
    pub(super) fn drawer(self) -> sight::Ladder {
        Arc::new(move |conn| Some(self.ladder(conn)))
    }

    /// The ladder of one connection, as far as it is remembered.
    pub(super) fn ladder(&self, conn: ConnId) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pair = kept.iter().find_map(|record| match record.event {
            Event::Conn { local, remote } if record.conn == Some(conn) => Some((local, remote)),
            _ => None,
        });
        // The handshake's first segments came before the connection had a number.
        let belongs = |record: &&Record| match &record.event {
            Event::StrayIn { local, remote, .. }
            | Event::StrayOut { local, remote, .. }
            | Event::Listener { local, remote: Some(remote), .. } => {
                pair == Some((*local, *remote))
            }
            _ => record.conn == Some(conn),
        };
        let records: Vec<Record> = kept.iter().filter(belongs).cloned().collect();
        drop(kept); // the driver waits for it: drawing takes longer than copying
        let mut ladder = Ladder::new(Options::default());
        records.iter().for_each(|record| ladder.record(record));
        ladder.render()
    }
}

impl Observer for History {
    fn sees_frames(&self) -> bool {
        false
    }

    fn records(&mut self, records: &[Record]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            let detail = matches!(
                &record.event,
                Event::Tcp(
                    tcp::Event::Info { .. }
                        | tcp::Event::TimerSet { .. }
                        | tcp::Event::TimerStopped { .. }
                )
            );
            if detail {
                continue;
            }
            if kept.len() == KEPT {
                kept.pop_front();
            }
            kept.push_back(record.clone());
        }
    }
}
