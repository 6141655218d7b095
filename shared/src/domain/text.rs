//! Names that people read: of devices and places.

use icu_properties::{
    CodePointSetData,
    props::{BidiControl, DefaultIgnorableCodePoint},
};

/// A name as it can be shown: at most `max_chars` characters (Unicode scalar values), without control characters, without
/// characters that change the direction of the text around them (Unicode's `Bidi_Control`) and without invisible ones
/// (`Default_Ignorable_Code_Point`). Joiners and variation selectors stay within a word or an emoji, which they shape.
/// `None` if nothing visible is left.
#[must_use]
pub fn shown(text: &str, max_chars: usize) -> Option<String> {
    let mut kept = String::new();
    let mut shapes = String::new();
    let mut left = max_chars;
    for c in text.trim().chars() {
        if is_shaping(c) {
            shapes.push(c);
            continue;
        }
        if is_hidden(c) {
            continue;
        }
        let shapes = std::mem::take(&mut shapes);
        let needed = 1 + if kept.is_empty() {
            0
        } else {
            shapes.chars().count()
        };
        if needed > left {
            break;
        }
        if !kept.is_empty() {
            kept.push_str(&shapes);
        }
        kept.push(c);
        left -= needed;
    }
    // The variation selector of the last character, such as that of a red heart.
    if let Some(last) = shapes.chars().next().filter(|c| is_selector(*c))
        && left > 0
        && !kept.is_empty()
    {
        kept.push(last);
    }
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}

/// Zero-width (non-)joiners, which Persian and Indic scripts and emoji need, and the selectors of text and emoji style.
fn is_shaping(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}') || is_selector(c)
}

fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe0e}' | '\u{fe0f}')
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || CodePointSetData::new::<BidiControl>().contains(c)
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_see_stays() {
        for name in [
            "Anna's phone",
            "Zürich",
            "گوشی می\u{200c}خواهم",
            "Telefon 👨\u{200d}👩\u{200d}👧",
            "I \u{2764}\u{fe0f} it",
            "\u{2764}\u{fe0f}",
            "هاتف",
        ] {
            assert_eq!(shown(name, 255).as_deref(), Some(name), "{name:?}");
        }
    }

    #[test]
    fn what_nobody_sees_goes() {
        for (name, left) in [
            ("  Anna's\u{200b} phone\u{0} ", "Anna's phone"),
            ("\u{202e}enohp\u{202c}", "enohp"),
            ("\u{2066}phone\u{2069}", "phone"),
            ("a\u{200d}", "a"),
            ("\u{200d}a", "a"),
            ("a\tb\u{85}c", "abc"),
            ("so\u{ad}ft", "soft"),
        ] {
            assert_eq!(shown(name, 255).as_deref(), Some(left), "{name:?}");
        }
    }

    #[test]
    fn a_name_without_anything_visible_is_none() {
        for name in [
            "",
            "  ",
            "\u{200b}\u{200d}\u{fe0f}",
            "\u{3164}",
            "\u{202e}\u{202c}",
            "\u{e0020}",
        ] {
            assert_eq!(shown(name, 255), None, "{name:?}");
        }
    }

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(shown(&"ä".repeat(300), 255), Some("ä".repeat(255)));
        assert_eq!(shown("ab\u{200d}c", 3).as_deref(), Some("ab"));
        assert_eq!(shown("ab c", 3).as_deref(), Some("ab"), "no space at its end");
    }
}
