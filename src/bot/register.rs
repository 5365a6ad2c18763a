//! The command the bot has, as Discord takes it, and whether it is there already.
//!
//! Pure. Discord counts new commands (200 a day) and clients read them anew after each change, so it is sent only when it
//! differs from what is there. Other commands of the same application stay as they are.

use serde_json::{Map, Value, json};

use crate::model::Permissions;

use super::ask::PREFERENCES;

/// The name of the command.
const NAME: &str = "setai";

/// Most characters of a request: what people type in a hurry and what a form takes alike.
pub(super) const LONGEST_REQUEST: usize = 4000;

/// Longest suspension with an end, in hours: a year.
pub(super) const LONGEST_SUSPENSION: u32 = 8760;

/// Discord's languages (its documentation, "Locales") with ours, in the order of [`Said`].
const LOCALES: [&str; 4] = ["de", "es-ES", "es-419", "uk"];

/// A text in English, German, Spanish and Ukrainian.
struct Said(&'static str, &'static str, &'static str, &'static str);

impl Said {
    fn localized(&self) -> Value {
        let Self(_, de, es, uk) = *self;
        let texts = [de, es, es, uk];
        Value::Object(LOCALES.iter().zip(texts).map(|(locale, text)| ((*locale).to_owned(), json!(text))).collect())
    }
}

/// The command everything is a part of. Names stay as they are in every language, because documents name them so.
pub(super) fn command() -> Value {
    let run = |is_required: bool| {
        let description = Said("The run", "Der Lauf", "La ejecución", "Виконання");
        option(3, "run", &description, json!({ "required": is_required, "autocomplete": true }))
    };
    let subcommands = json!([
        subcommand(
            "plan",
            &Said(
                "Show what would change",
                "Zeigt, was sich ändern würde",
                "Muestra lo que cambiaría",
                "Показує, що зміниться"
            ),
            vec![]
        ),
        subcommand(
            "status",
            &Said(
                "Show how the server stands",
                "Zeigt, wie es um den Server steht",
                "Muestra cómo está el servidor",
                "Показує стан сервера"
            ),
            vec![]
        ),
        subcommand(
            "drift",
            &Said(
                "Show what was changed by hand",
                "Zeigt, was von Hand geändert wurde",
                "Muestra lo cambiado a mano",
                "Показує, що змінено вручну"
            ),
            vec![]
        ),
        subcommand(
            "propose",
            &Said(
                "Propose a change in plain words",
                "Schlägt eine Änderung in einfachen Worten vor",
                "Propone un cambio con palabras sencillas",
                "Пропонує зміну простими словами"
            ),
            vec![option(
                3,
                "request",
                &Said(
                    "What should change; without it a form asks",
                    "Was sich ändern soll; sonst fragt ein Formular",
                    "Qué debe cambiar; si falta, lo pregunta un formulario",
                    "Що змінити; без цього запитає форма"
                ),
                json!({ "max_length": LONGEST_REQUEST }),
            )],
        ),
        subcommand(
            "history",
            &Said(
                "Show what was applied",
                "Zeigt, was ausgeführt wurde",
                "Muestra lo que se aplicó",
                "Показує, що виконано"
            ),
            vec![run(false)]
        ),
        subcommand(
            "approve",
            &Said(
                "Show and approve the plan that waits",
                "Zeigt den Plan, der wartet, und stimmt ihm zu",
                "Muestra y aprueba el plan que espera",
                "Показує і схвалює план, що чекає"
            ),
            vec![option(
                3,
                "plan",
                &Said("Which plan", "Welcher Plan", "Qué plan", "Який план"),
                json!({ "autocomplete": true })
            )],
        ),
        subcommand(
            "rollback",
            &Said(
                "Take back what a run did",
                "Nimmt zurück, was ein Lauf getan hat",
                "Deshace lo que hizo una ejecución",
                "Скасовує зроблене виконанням"
            ),
            vec![run(true)]
        ),
        subcommand(
            "suspend",
            &Said(
                "Leave the server alone for a while",
                "Lässt den Server eine Weile in Ruhe",
                "Deja el servidor en paz un tiempo",
                "Залишає сервер у спокої на час"
            ),
            vec![
                option(
                    3,
                    "reason",
                    &Said("Why", "Warum", "Por qué", "Чому"),
                    json!({ "required": true, "max_length": 300 })
                ),
                option(
                    4,
                    "hours",
                    &Said(
                        "For how long; until resumed without it",
                        "Wie lange; sonst bis `resume`",
                        "Cuánto tiempo; si falta, hasta `resume`",
                        "Як довго; інакше до `resume`"
                    ),
                    json!({ "min_value": 1, "max_value": LONGEST_SUSPENSION }),
                ),
            ],
        ),
        subcommand(
            "resume",
            &Said(
                "Look after the server again",
                "Betreut den Server wieder",
                "Vuelve a atender el servidor",
                "Знову доглядає за сервером"
            ),
            vec![]
        ),
        preferences(),
    ]);
    let description = Said(
        "Keeps this server as it is written in git",
        "Hält diesen Server, wie er in git steht",
        "Mantiene este servidor como está escrito en git",
        "Тримає цей сервер таким, як його записано в git",
    );
    json!({
        "name": NAME,
        "type": 1,
        "description": description.0,
        "description_localizations": description.localized(),
        "options": subcommands,
        // Whoever manages channels sees it, and whomever the server's own settings add. Who may do what is decided again later.
        "default_member_permissions": Permissions::MANAGE_CHANNELS.bits().to_string(),
        "contexts": [0],
        "integration_types": [0],
        "nsfw": false,
    })
}

fn preferences() -> Value {
    let said = Said(
        "Show or change what you prefer, on every server",
        "Zeigt oder ändert, was du bevorzugst, auf jedem Server",
        "Muestra o cambia tus preferencias, en todos los servidores",
        "Показує або змінює ваші вподобання на всіх серверах",
    );
    let zone = Said("Your time zone", "Deine Zeitzone", "Tu zona horaria", "Ваш часовий пояс");
    let sure = Said(
        "Ask me about proposals less sure than this, in percent",
        "Frag nach bei Vorschlägen, die weniger sicher sind, in Prozent",
        "Pregúntame por propuestas menos seguras que esto, en porcentaje",
        "Питати про пропозиції, менш певні за це, у відсотках",
    );
    let models = Said(
        "Whether a language model may read your requests",
        "Ob ein Sprachmodell deine Anfragen lesen darf",
        "Si un modelo de lenguaje puede leer tus peticiones",
        "Чи може мовна модель читати ваші запити",
    );
    let options = vec![
        option(3, "timezone", &zone, json!({ "autocomplete": true, "max_length": 50 })),
        option(4, "confidence", &sure, json!({ "min_value": 0, "max_value": 100 })),
        option(5, "models", &models, json!({})),
    ];
    subcommand(PREFERENCES, &said, options)
}

fn subcommand(name: &str, description: &Said, options: Vec<Value>) -> Value {
    option(1, name, description, json!({ "options": options }))
}

fn option(kind: u8, name: &str, description: &Said, more: Value) -> Value {
    let mut option = json!({
        "type": kind,
        "name": name,
        "description": description.0,
        "description_localizations": description.localized(),
    });
    if let (Some(option), Value::Object(more)) = (option.as_object_mut(), more) {
        option.extend(more);
    }
    option
}

/// True when one of the commands that are there is this one and says all of what it says. Others are none of our business.
pub(super) fn is_there(wanted: &Value, there: &[Value]) -> bool {
    there.iter().any(|there| there["name"] == wanted["name"] && is_said(wanted, there))
}

/// True when `there` says at least what `wanted` says. Discord leaves out what is empty or false, and adds what is its own.
fn is_said(wanted: &Value, there: &Value) -> bool {
    match (wanted, there) {
        (Value::Object(wanted), Value::Object(there)) => fields_are_said(wanted, there),
        (Value::Array(wanted), Value::Array(there)) => {
            wanted.len() == there.len() && wanted.iter().zip(there).all(|(wanted, there)| is_said(wanted, there))
        }
        (wanted, there) => wanted == there,
    }
}

fn fields_are_said(wanted: &Map<String, Value>, there: &Map<String, Value>) -> bool {
    wanted.iter().all(|(field, wanted)| match there.get(field) {
        Some(there) => is_said(wanted, there),
        None => wanted.is_null() || *wanted == json!(false) || wanted.as_array().is_some_and(Vec::is_empty),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_sent_only_when_they_differ() {
        let wanted = command();
        assert!(!is_there(&wanted, &[json!({ "name": "other" })]), "it is not there");
        let mut there = wanted.clone();
        there["id"] = json!("1");
        there["version"] = json!("2");
        there.as_object_mut().expect("a command").remove("nsfw");
        assert!(
            is_there(&wanted, &[json!({ "name": "other" }), there.clone()]),
            "Discord adds and leaves out what it likes"
        );
        there["options"][3]["options"][0]["max_length"] = json!(100);
        assert!(!is_there(&wanted, &[there]));
    }

    #[test]
    fn every_text_fits() {
        fn check(value: &Value) {
            match value {
                Value::Object(fields) => {
                    let texts = fields.get("description_localizations").and_then(Value::as_object);
                    let texts = texts.into_iter().flat_map(Map::values).chain(fields.get("description"));
                    for text in texts.filter_map(Value::as_str) {
                        assert!((1..=100).contains(&text.chars().count()), "{text}");
                    }
                    fields.values().for_each(check);
                }
                Value::Array(items) => items.iter().for_each(check),
                _ => {}
            }
        }
        check(&command());
    }
}
