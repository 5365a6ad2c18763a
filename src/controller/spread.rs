//! Numbers that differ from guild to guild and are the same each time: what others use randomness for.

use crate::model::GuildId;

/// A number from 0 to below 1 that belongs to a guild and a purpose.
pub(super) fn fraction(guild: GuildId, salt: u64) -> f64 {
    // The 53 bits a float holds exactly.
    (mix(mix(guild.get()) ^ salt) >> 11) as f64 / (1_u64 << 53) as f64
}

/// SplitMix64's last steps (<https://prng.di.unimi.it/splitmix64.c>): neighbouring numbers come out far apart.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guilds_are_spread_evenly_and_always_alike() {
        let mut tenths = [0; 10];
        for number in 1..=10_000 {
            let guild = GuildId::new(number);
            assert_eq!(fraction(guild, 7).to_bits(), fraction(guild, 7).to_bits());
            tenths[(fraction(guild, 7) * 10.0) as usize] += 1;
        }
        assert!(tenths.iter().all(|count| (900..1100).contains(count)), "{tenths:?}");
        assert_ne!(fraction(GuildId::new(1), 1).to_bits(), fraction(GuildId::new(1), 2).to_bits());
    }
}
