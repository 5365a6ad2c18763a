//! New objects: their keys, their names and their places.

use crate::manifest::edit::{Edit, Place, Subject, Value};
use crate::model::{ChannelKind, normalise_channel_name};

use super::super::clause::{Gap, Why};
use super::super::grammar::{Home, Item, NewName, Spot};
use super::super::guild::{Fields, key};
use super::super::lexicon::Kind;
use super::super::names::Index;
use super::{Made, Maker, slug, title, titled};

/// Most objects of one request.
pub(in crate::ai::rules) const MOST: usize = 50;

/// One object before it is made.
struct Draft {
    key: String,
    /// What it is to be called; none when the key says it.
    name: Option<String>,
}

impl Maker {
    pub(super) fn create(&mut self, items: Vec<Item>) -> Made {
        let mut made = Made::default();
        let new = |item: &Item| if item.names.len() > 1 { item.names.len() } else { item.count };
        let before = self.edits.iter().filter(|edit| matches!(edit, Edit::Add { .. })).count();
        if items.iter().map(new).fold(before, usize::saturating_add) > MOST {
            made.is_refused = Some("more than 50 objects in one request");
            return made;
        }
        let mut last: Option<(Home, Spot, Subject)> = None;
        for item in &items {
            let objects = self.item(item, &made, &mut last);
            if objects.is_empty() {
                made.gaps.push(Gap { start: item.start, end: item.end, why: Why::Unknown });
            }
            made.items.push(objects);
            self.index = Index::of(&self.guild);
        }
        made
    }

    fn item(&mut self, item: &Item, made: &Made, last: &mut Option<(Home, Spot, Subject)>) -> Vec<Subject> {
        let kind = item.kind.or_else(|| self.kind_of_row(item)).unwrap_or(Kind::Of(ChannelKind::Text));
        let kind = if kind == Kind::Channel { Kind::Of(ChannelKind::Text) } else { kind };
        let category = match (&item.home, kind) {
            (_, Kind::Role | Kind::Category) => None,
            (Home::Category(key), _) => Some(key.clone()),
            (Home::Item(number), _) => {
                made.items.get(*number).and_then(|objects| objects.first()).map(|home| key(home).to_owned())
            }
            (Home::Unsaid, _) => self.category.clone(),
        };
        let category = self.beside(item, made).unwrap_or(category);
        let mut objects = Vec::new();
        for draft in self.drafts(item, kind, category.as_deref()) {
            let object = match kind {
                Kind::Role => Subject::Role(draft.key),
                Kind::Category => Subject::Category(draft.key),
                _ => Subject::Channel(draft.key),
            };
            let mut fields = Fields::new();
            if let Some(name) = draft.name {
                fields.insert("name".to_owned(), Value::Text(name));
            }
            if let Kind::Of(kind) = kind
                && kind != ChannelKind::Text
            {
                fields.insert("type".to_owned(), Value::from(kind.name()));
            }
            let place = self.place(item, made, last, &object);
            if kind == Kind::Category {
                self.category = Some(key(&object).to_owned());
            }
            self.push(Edit::Add { object: object.clone(), category: category.clone(), fields, place });
            objects.push(object);
        }
        objects
    }

    /// What there is a numbered row of: `squad` stands for voice channels where `squad-3` is one.
    fn kind_of_row(&self, item: &Item) -> Option<Kind> {
        let noun = slug(item.noun.as_deref()?);
        let row = self.guild.channels.keys().find(|key| number_in(key, &noun).is_some())?;
        self.guild.kind(&Subject::Channel(row.clone())).map(Kind::Of)
    }

    /// The category of what it stands beside.
    fn beside(&self, item: &Item, made: &Made) -> Option<Option<String>> {
        let other = match (&item.spot, item.beside) {
            (_, Some((_, number))) => made.items.get(number)?.last()?.clone(),
            (Some(Spot::Before(other) | Spot::After(other)), None) => other.clone(),
            _ => return None,
        };
        match other {
            Subject::Channel(channel) => Some(self.guild.category_of(&channel).map(str::to_owned)),
            _ => None,
        }
    }

    fn place(&self, item: &Item, made: &Made, last: &mut Option<(Home, Spot, Subject)>, object: &Subject) -> Place {
        if let Some((is_before, number)) = item.beside
            && let Some(other) = made.items.get(number).and_then(|objects| objects.last())
        {
            let other = key(other).to_owned();
            return if is_before { Place::Before(other) } else { Place::After(other) };
        }
        let Some(spot) = item.spot.clone().filter(|spot| *spot != Spot::Last) else { return Place::Last };
        let after = last
            .as_ref()
            .filter(|(home, before, _)| *home == item.home && *before == spot)
            .map(|(.., other)| key(other).to_owned());
        *last = Some((item.home.clone(), spot.clone(), object.clone()));
        match (after, spot) {
            (Some(other), _) => Place::After(other),
            (None, Spot::Before(other)) => Place::Before(key(&other).to_owned()),
            (None, Spot::After(other)) => Place::After(key(&other).to_owned()),
            (None, Spot::First) => Place::First,
            (None, Spot::Last) => Place::Last,
        }
    }

    fn drafts(&self, item: &Item, kind: Kind, category: Option<&str>) -> Vec<Draft> {
        let mut taken: Vec<String> = Vec::new();
        match item.names.as_slice() {
            [] => self.row(item, kind, &self.base(item, kind, category), &mut taken),
            [name] if item.count > 1 => {
                let base = Base { key: slug(&name.text), name: titled(name) };
                self.row(item, kind, &base, &mut taken)
            }
            names => names.iter().map(|name| self.draft(name, kind, &mut taken)).collect(),
        }
    }

    fn draft(&self, name: &NewName, kind: Kind, taken: &mut Vec<String>) -> Draft {
        let slugged = slug(&name.text);
        let slugged = if slugged.is_empty() { word_of(kind).to_owned() } else { slugged };
        let key = self.free(&slugged, kind, taken);
        let text = match kind {
            Kind::Of(kind) if kind.has_slug_name() => {
                let shown = normalise_channel_name(kind, &name.text);
                // A dash for what stands between words, as in the key.
                if shown.is_ascii() { slugged } else { shown }
            }
            _ => titled(name),
        };
        taken.push(key.clone());
        Draft { name: Some(text).filter(|text| *text != key && !text.is_empty()), key }
    }

    fn is_taken(&self, key: &str, kind: Kind) -> bool {
        match kind {
            Kind::Role => key == "everyone" || self.guild.roles.contains_key(key),
            Kind::Category => self.guild.categories.contains_key(key),
            _ => self.guild.channels.contains_key(key),
        }
    }

    fn free(&self, key: &str, kind: Kind, taken: &[String]) -> String {
        let is_free = |key: &String| !self.is_taken(key, kind) && !taken.contains(key);
        let first = key.to_owned();
        if is_free(&first) {
            return first;
        }
        (2..10_000).map(|number| format!("{key}-{number}")).find(is_free).unwrap_or(first)
    }

    /// What names things nobody named.
    fn base(&self, item: &Item, kind: Kind, category: Option<&str>) -> Base {
        if let Some(noun) = &item.noun {
            return Base { key: slug(noun), name: title(&noun.to_lowercase()) };
        }
        let home = category.map(|category| self.guild.name(&Subject::Category(category.to_owned())).to_owned());
        let first = home.as_deref().and_then(|name| {
            name.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty()).map(str::to_owned)
        });
        let said = slug(&item.said);
        let is_room = said.ends_with("room") || said.ends_with("rooms");
        match first {
            Some(first) => {
                let suffix = match kind {
                    _ if is_room => "-room",
                    Kind::Of(ChannelKind::Voice) => "-voice",
                    Kind::Of(ChannelKind::Forum) => "-forum",
                    Kind::Of(ChannelKind::Stage) => "-stage",
                    Kind::Of(ChannelKind::Announcement) => "-news",
                    Kind::Of(ChannelKind::Media) => "-media",
                    _ => "",
                };
                let key = format!("{}{suffix}", slug(&first));
                Base { name: title(&key.replace('-', " ")), key }
            }
            None => {
                let words = if said.is_empty() { word_of(kind).to_owned() } else { said };
                Base { name: title(&words.replace('-', " ")), key: words }
            }
        }
    }

    /// A numbered row, or one alone.
    fn row(&self, item: &Item, kind: Kind, base: &Base, taken: &mut Vec<String>) -> Vec<Draft> {
        let Base { key: base_key, name: base_name } = base;
        let keys: Box<dyn Iterator<Item = &String>> = match kind {
            Kind::Role => Box::new(self.guild.roles.keys()),
            Kind::Category => Box::new(self.guild.categories.keys()),
            _ => Box::new(self.guild.channels.keys()),
        };
        let highest = keys.filter_map(|key| number_in(key, base_key)).max();
        let is_row = item.count > 1 || highest.is_some();
        let is_text = matches!(kind, Kind::Of(kind) if kind.has_slug_name());
        let mut drafts = Vec::new();
        for number in 0..item.count {
            let number = highest.unwrap_or(0).saturating_add(number as u64 + 1);
            let (wanted, name) = match is_row {
                true => (format!("{base_key}-{number}"), format!("{base_name} {number}")),
                false => (base_key.clone(), base_name.clone()),
            };
            let key = self.free(&wanted, kind, taken);
            taken.push(key.clone());
            let name = Some(name).filter(|name| *name != key && !is_text);
            drafts.push(Draft { key, name });
        }
        drafts
    }
}

/// What numbered things are called.
struct Base {
    key: String,
    name: String,
}

/// The number of `base-N`.
fn number_in(key: &str, base: &str) -> Option<u64> {
    let digits = key.strip_prefix(base)?.strip_prefix('-')?;
    let is_number = digits.len() <= 6 && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

fn word_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Role => "role",
        Kind::Category => "category",
        Kind::Channel => "channel",
        Kind::Of(kind) => match kind {
            ChannelKind::Text => "channel",
            ChannelKind::Voice => "voice-channel",
            ChannelKind::Stage => "stage",
            ChannelKind::Forum => "forum",
            ChannelKind::Announcement => "announcement-channel",
            ChannelKind::Media => "media-channel",
            ChannelKind::Category | ChannelKind::Other(_) => "channel",
        },
    }
}
