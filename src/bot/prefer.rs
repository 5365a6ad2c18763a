//! What somebody prefers, on every server: in which zone times are told, how sure a proposal must be, and who may read requests.

use chrono::{DateTime, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};

use crate::controller::Trouble;
use crate::model::UserPreferences;
use crate::store::CommandStatus;

use super::Bot;
use super::ask::Wishes;
use super::reply::{Reply, Tone, plain};
use super::serve::{Outcome, Visitor};

impl Bot {
    /// Changes what somebody prefers, where they want something else, and shows it.
    pub(super) async fn prefer(&self, visitor: &Visitor, wishes: &Wishes) -> Result<Outcome, Trouble> {
        let words = &visitor.words;
        let preferred = match with(visitor.preferences.clone(), wishes) {
            Ok(preferred) => preferred,
            Err(NoSuchZone(zone)) => {
                let title = words.with("preferences-no-zone", &[("zone", (&plain(&zone)).into())]);
                let reply = Reply::new(Tone::Bad, title).say(words.say("preferences-no-zone-text"));
                let error = Some(format!("no time zone `{zone}`"));
                return Ok(Outcome { status: CommandStatus::Failed, error, ..reply.into() });
            }
        };
        let is_changed = *wishes != Wishes::default();
        if is_changed {
            let (store, now) = (self.0.console.engine().store(), self.0.clock.now());
            store.prefer(visitor.member.user.id, &preferred, now).await?;
        }
        Ok(self.preferred(visitor, &preferred, is_changed).into())
    }

    fn preferred(&self, visitor: &Visitor, preferred: &UserPreferences, is_changed: bool) -> Reply {
        let (words, ai) = (&visitor.words, &preferred.ai_settings);
        // Between 0 and 1, so it fits.
        let sure = format!("{:.0}", ai.ai_confidence_threshold.unwrap_or(self.0.sure) * 100.0);
        let models = if ai.use_ai_interpretation { "preferences-models" } else { "preferences-no-models" };
        let lines = [
            words.with("preferences-zone", &[("zone", zone(preferred).name().into())]),
            words.with("preferences-sure", &[("sure", (&sure).into())]),
            words.say(models),
        ];
        let (tone, title) =
            if is_changed { (Tone::Good, "preferences-saved") } else { (Tone::Plain, "preferences-title") };
        Reply::new(tone, words.say(title)).say(lines.map(|line| format!("- {line}")).join("\n"))
    }
}

/// A zone nobody lives in.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NoSuchZone(String);

/// What somebody prefers who wants this.
fn with(preferred: UserPreferences, wishes: &Wishes) -> Result<UserPreferences, NoSuchZone> {
    let Wishes { timezone, confidence, models } = wishes;
    let given = timezone.as_ref().map(|given| named(given)).transpose()?.map(|zone| zone.name().to_owned());
    let mut ai_settings = preferred.ai_settings;
    ai_settings.use_ai_interpretation = models.unwrap_or(ai_settings.use_ai_interpretation);
    let sure = confidence.map(|hundredths| f64::from(hundredths.min(100)) / 100.0);
    ai_settings.ai_confidence_threshold = sure.or(ai_settings.ai_confidence_threshold);
    Ok(UserPreferences { timezone: given.or(preferred.timezone), ai_settings, ..preferred })
}

fn named(given: &str) -> Result<Tz, NoSuchZone> {
    let is_it = |zone: &&Tz| zone.name().eq_ignore_ascii_case(given.trim());
    TZ_VARIANTS.iter().find(is_it).copied().ok_or_else(|| NoSuchZone(given.to_owned()))
}

/// The zone somebody's times are told in.
pub(super) fn zone(preferred: &UserPreferences) -> Tz {
    preferred.timezone.as_ref().and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC)
}

/// A moment to the minute, as it is there.
pub(super) fn minute(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M %Z").to_string()
}

/// All zones, as people read them and as they are called.
pub(super) fn zones() -> Vec<(String, String)> {
    TZ_VARIANTS.iter().map(|zone| (zone.name().replace('_', " "), zone.name().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_stays_as_it_is() {
        let wishes = Wishes { timezone: Some("europe/kyiv".to_owned()), confidence: Some(80), models: None };
        let first = with(UserPreferences::default(), &wishes).expect("a zone");
        assert_eq!(
            (first.timezone.as_deref(), first.ai_settings.ai_confidence_threshold),
            (Some("Europe/Kyiv"), Some(0.8))
        );
        let second = with(first.clone(), &Wishes { models: Some(false), ..Wishes::default() }).expect("nothing wrong");
        assert!(!second.ai_settings.use_ai_interpretation);
        assert_eq!(second.timezone, first.timezone);
        let nowhere = Wishes { timezone: Some("Europe/Atlantis".to_owned()), ..Wishes::default() };
        assert_eq!(with(second, &nowhere), Err(NoSuchZone("Europe/Atlantis".to_owned())));
    }

    #[test]
    fn a_moment_is_told_as_clocks_there_show_it() {
        let at = "2026-07-01T22:30:00Z".parse().expect("a moment");
        assert_eq!(minute(at, Tz::Europe__Berlin), "2026-07-02 00:30 CEST");
        assert_eq!(minute(at, Tz::UTC), "2026-07-01 22:30 UTC");
    }
}
