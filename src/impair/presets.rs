//! Links by name: what a kind of link is like, in the words of this module.
//!
//! Rates, frame overheads and lengths of cables are those of the standards; what has no standard
//! value is a typical one: other links of the kind are better and worse. In twisted pair and glass
//! a signal takes 5 ns per metre (two thirds of the speed of light), in thick coaxial cable 4.33
//! ns (0.77 of it: IEEE 802.3 clause 8).

use super::{Impairment, Impairments};

/// A kind of link.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// Its words; empty for a perfect link. `in` is towards the user, `out` away from them.
    pub words: &'static str,
    /// What it stands for, and where the values are from.
    pub about: &'static str,
}

/// Every kind of link that has a name.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "1000BASE-SX",
        words: "rate 1gbit overhead 24 mpu 84 delay 1us queue 1000",
        about: "gigabit Ethernet over 200 m of multimode fibre (IEEE 802.3 clause 38)",
    },
    Preset {
        name: "100BASE-TX",
        words: "rate 100mbit overhead 24 mpu 84 delay 500ns queue 1000",
        about: "fast Ethernet over 100 m of twisted pair (IEEE 802.3 clause 25)",
    },
    Preset {
        name: "10BASE-T",
        words: "rate 10mbit overhead 24 mpu 84 delay 500ns queue 1000",
        about: "Ethernet over 100 m of twisted pair (IEEE 802.3 clause 14)",
    },
    Preset {
        name: "10BASE5",
        words: "rate 10mbit overhead 24 mpu 84 delay 2165ns queue 1000",
        about: "Ethernet over 500 m of thick coaxial cable (IEEE 802.3 clause 8), without collisions",
    },
    Preset {
        name: "wifi",
        words: "rate 50mbit delay 2ms 1ms distribution paretonormal loss gemodel 0.1% 30% 50% \
                queue 1000",
        about: "a room's wireless network, as IP sees it: half of a nominal 100 Mbit/s, jitter of \
                retransmissions, short bursts of losses (typical)",
    },
    Preset {
        name: "4g",
        words: "delay 25ms 5ms distribution normal loss 0.05% in rate 30mbit queue 500kb \
                out rate 10mbit queue 200kb",
        about: "a mobile network with LTE: 30 Mbit/s down, 10 up, 50 ms round trip (typical)",
    },
    Preset {
        name: "dsl",
        words: "delay 10ms in rate 16mbit queue 256kb out rate 1mbit queue 64kb",
        about: "ADSL2+ (ITU-T G.992.5) at 16 Mbit/s down, 1 up, 20 ms round trip; the queue up \
                takes half a second to empty (typical)",
    },
    Preset {
        name: "satellite",
        words: "delay 270ms loss 0.1% in rate 20mbit queue 1mb out rate 3mbit queue 256kb",
        about: "a geostationary satellite: 36 000 km up and down take 240 ms, equipment the rest; \
                20 Mbit/s down, 3 up (typical)",
    },
    Preset { name: "loopback", words: "", about: "a perfect link: no delay, no limit of rate" },
];

impl Preset {
    /// What it does in both directions, seen from the user's end.
    pub fn impairments(&self) -> Impairments {
        if self.words.is_empty() {
            return Impairments::default();
        }
        self.words.parse().expect("the words of every preset are good, as a test checks")
    }

    /// What it does in one direction.
    pub(super) fn rules(&self, inbound: bool) -> Impairment {
        let Impairments { inbound: inward, outbound: outward } = self.impairments();
        if inbound { inward } else { outward }
    }
}

/// The preset of that name, in large or small letters.
pub(super) fn named(word: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_in_the_documentation() {
        let text = include_str!("../../docs/links.md");
        for Preset { name, words, about } in PRESETS {
            let words = if words.is_empty() { "none".into() } else { format!("`{words}`") };
            let row = format!("| `{name}` | {words} | {about} |");
            assert!(text.contains(&row), "{row}");
        }
    }

    #[test]
    fn every_preset_can_be_named_and_read() {
        for preset in PRESETS {
            let both: Impairments = preset.name.parse().expect(preset.name);
            assert_eq!(both, preset.impairments(), "{}", preset.name);
            assert_eq!(preset.name.to_lowercase().parse(), Ok(both), "{}", preset.name);
        }
    }
}
