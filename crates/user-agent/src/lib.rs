//! Derives a device name from a user agent.
//!
//! The patterns, their build script and their regular expressions are a separate crate, because only `login` names
//! devices.

mod patterns;

use patterns::{Agent, Device};

/// Longer agents are truncated.
const MAX_AGENT: usize = 500;

/// Maximum length of a name, in characters: models come from the user agent and can be anything.
const MAX_NAME: usize = 80;

/// Returns the name under which an account's owner finds a device in a list.
///
/// Phones, tablets and other hardware are called by brand and model (`Apple iPhone`, `Samsung SM-S908B`),
/// anything else by program and system (`Chrome on Mac OS X`), by whichever of the two is known (`okhttp`,
/// `iOS Device`), or `Unknown Device`. The name never says more than the user agent does. It has at most 80
/// characters, none of them a control character.
#[must_use]
pub fn device_name(user_agent: &str) -> String {
    let end = user_agent
        .char_indices()
        .nth(MAX_AGENT)
        .map_or(user_agent.len(), |(end, _)| end);
    let agent = Agent::new(&user_agent[..end]);
    let name = hardware(&agent).or_else(|| software(&agent)).unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
    match name.trim() {
        "" => "Unknown Device".to_owned(),
        name => name.to_owned(),
    }
}

/// `None` if only the kind of device is known, or if the owner would not look for the device.
fn hardware(agent: &Agent) -> Option<String> {
    let is_spider = |device: &Device| device.brand.as_deref() == Some("Spider");
    let Device { brand, model } = match agent.device()? {
        spider if is_spider(&spider) && !agent.tells_of_a_page() => {
            agent.device_that(|device| !is_spider(device)).unwrap_or(spider)
        }
        device => device,
    };
    // Some patterns take all up to the parenthesis that closes, others stop at one within the model's name.
    let model = model.map(|model| model.split(" Build/").next().unwrap_or_default().to_owned());
    let model = model.map(|model| model.split(';').next().unwrap_or_default().trim().to_owned());
    match (brand.as_deref(), model.as_deref()) {
        // Chrome calls every Android device K.
        (Some("Generic_Android" | "Generic_Android_Tablet"), Some(model)) if model != "K" => {
            Some(format!("Android {model}"))
        }
        (Some("Generic_Inettv"), model) => model.map(str::to_owned),
        // Only "Smartphone", "Tablet" or "Feature Phone".
        (Some(brand), _) if brand.starts_with("Generic") => None,
        // A crawler, even if it claims to be a phone.
        (Some("Spider"), _) => agent.program(),
        // Network stacks on iPhone, watch and Mac all send this.
        (Some("Apple"), Some("iOS-Device")) => Some("Apple Device".to_owned()),
        (Some("Apple"), Some("Mac")) => match (agent.program(), agent.system()) {
            (Some(browser), Some(system)) if system == "Mac OS X" => Some(format!("{browser} on {system}")),
            _ => Some("Apple Mac".to_owned()),
        },
        (Some(brand), Some(model)) if !starts_with(model, brand) => Some(format!("{brand} {model}")),
        (brand, model) => model.or(brand).map(str::to_owned),
    }
}

fn starts_with(model: &str, brand: &str) -> bool {
    model
        .get(..brand.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(brand))
}

fn software(agent: &Agent) -> Option<String> {
    match (agent.program(), agent.system()) {
        (Some(program), Some(system)) if program != system => Some(format!("{program} on {system}")),
        (_, Some(system)) => Some(format!("{system} Device")),
        (program, None) => program,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Per line: name, user agent.
    const NAMES: &str = include_str!("../data/names.tsv");

    #[test]
    fn says_what_the_agent_says() {
        for line in NAMES.lines() {
            let (name, agent) = line.split_once('\t').unwrap();
            assert_eq!(device_name(agent), name, "{agent}");
        }
    }

    #[test]
    fn reads_500_characters() {
        let iphone_after = |characters| format!("{} iPhone;", "ä".repeat(characters));
        assert_eq!(device_name(&iphone_after(492)), "Apple iPhone");
        assert_eq!(device_name(&iphone_after(500)), "Unknown Device");
        assert_eq!(device_name(&"a".repeat(500)), "Unknown Device");
    }

    #[test]
    fn writes_80_characters() {
        let agent = format!(
            "Dalvik/2.1.0 (Linux; U; Android 14.0; xx-xx; {} Build/1)",
            "~".repeat(150)
        );
        assert_eq!(device_name(&agent), format!("Android {}", "~".repeat(72)));
    }

    #[test]
    fn writes_no_control_characters() {
        assert_eq!(
            device_name("Dalvik (Linux; Android 13; Some\tThing\u{7f} Build/1)"),
            "Android SomeThing"
        );
        assert_eq!(device_name("\u{0}\r\n"), "Unknown Device");
    }
}
