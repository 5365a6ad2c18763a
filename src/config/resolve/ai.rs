//! Who interprets requests, and what has to be known for that.
//!
//! Decides what a model needs to be asked at all. Knows no model.

use std::time::Duration;

use crate::config::document::{AiCostDoc, AiDoc};
use crate::config::{Ai, AiCost, AiProvider};
use crate::manifest::read::{Object as _, Said};

use super::Resolver;

impl Resolver<'_> {
    pub(super) fn ai(&mut self, said: Option<&Said<AiDoc>>) -> Ai {
        let nothing = AiDoc::default();
        let doc = said.map_or(&nothing, |said| &said.value);
        let provider = doc.provider.as_ref().map(|provider| provider.value).unwrap_or_default();
        let base_url = doc.base_url.as_ref().map(|url| url.value.0.clone());
        let api_key = self.secret(doc.api_key_file.as_ref());
        let model = doc.model.as_ref().map(|model| model.value.trim().to_owned()).filter(|model| !model.is_empty());
        if let Some(said) = said.filter(|_| provider != AiProvider::Rules) {
            if model.is_none() {
                self.missing("model", said.spot(), "`ai`");
            }
            if base_url.is_none() {
                self.needed(doc.api_key_file.as_ref(), "api_key_file", said.spot(), "`ai`");
            }
        }
        if let Some(url) = &doc.base_url {
            if url.value.0.contains(['?', '#']) {
                self.wrong(
                    url.spot,
                    "there is more than a path in the address of this server",
                    "expected no `?` and no `#`",
                );
            } else if doc.api_key_file.is_some() && is_readable_by_others(&url.value.0) {
                self.wrong(url.spot, "a key is not sent over `http` to another machine", "expected `https://...`");
            }
        }
        let second = Duration::from_secs(1);
        Ai {
            provider,
            base_url,
            model,
            api_key,
            timeout: self.span(doc.timeout.as_ref(), 60 * second, second),
            retries: doc.retries.as_ref().map_or(2, |retries| retries.0),
            max_input_tokens: doc.max_input_tokens.as_ref().map_or(32_000, |most| most.0),
            max_output_tokens: doc.max_output_tokens.as_ref().map_or(4_096, |most| most.0),
            confidence_threshold: doc.confidence_threshold.as_ref().map_or(50, |threshold| threshold.0),
            cost: doc.cost.as_ref().map(|cost| self.cost(cost)).unwrap_or_default(),
        }
    }

    fn cost(&mut self, doc: &Said<AiCostDoc>) -> AiCost {
        let AiCostDoc { spot, input, output, per_request, per_day } = &doc.value;
        let input = self.needed(input.as_ref(), "input", *spot, "`cost`").map(|input| input.value.0);
        let output = self.needed(output.as_ref(), "output", *spot, "`cost`").map(|output| output.value.0);
        AiCost {
            prices: input.zip(output),
            per_request: per_request.as_ref().map(|most| most.value.0),
            per_day: per_day.as_ref().map(|most| most.value.0),
        }
    }
}

/// True for an address that is neither encrypted nor on this machine.
fn is_readable_by_others(address: &str) -> bool {
    let Ok(url) = url::Url::parse(address) else { return false };
    let is_here = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && !is_here
}
