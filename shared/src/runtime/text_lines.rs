//! Log lines for the people at a terminal: one for each request, `12:03:44 GET /api/v1/sessions/me 200 4 ms`.

use std::{
    fmt::{self, Debug, Write as _},
    mem,
};

use anstyle::{AnsiColor, Style};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use crate::domain::clock::Clock;

/// Writes them, in the clock's time (UTC).
pub(super) struct TextLines {
    pub(super) clock: Clock,
    pub(super) has_colors: bool,
}

impl<S, N> FormatEvent<S, N> for TextLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut line: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let time = self.clock.now().time_of_day();
        let dim = self.style(Style::new().dimmed());
        write!(line, "{dim}{time}{dim:#} ")?;
        if let Some(request) = fields.take_request() {
            let status = self.style(color_of(&request.status).on_default());
            write!(
                line,
                "{:<6} {} {status}{}",
                request.method, request.route, request.status
            )?;
            if let Some(code) = fields.take("code") {
                write!(line, " {code}")?;
            }
            write!(line, "{status:#} {} ms", request.ms)?;
            let cause = fields.take("cause").or_else(|| fields.take("error"));
            if let Some(cause) = cause {
                write!(line, " {dim}({cause}){dim:#}")?;
            }
        } else {
            let color = match *metadata.level() {
                Level::ERROR => AnsiColor::Red,
                Level::WARN => AnsiColor::Yellow,
                _ => AnsiColor::Cyan,
            };
            let level = self.style(color.on_default());
            write!(
                line,
                "{level}{}{level:#} {}: {}",
                metadata.level(),
                metadata.target(),
                fields.message
            )?;
            for (name, value) in &fields.others {
                write!(line, " {dim}{name}={dim:#}{value}")?;
            }
        }
        writeln!(line)
    }
}

impl TextLines {
    fn style(&self, style: Style) -> Style {
        if self.has_colors { style } else { Style::new() }
    }
}

fn color_of(status: &str) -> AnsiColor {
    match status.as_bytes().first() {
        Some(b'5') => AnsiColor::Red,
        Some(b'4') => AnsiColor::Yellow,
        _ => AnsiColor::Green,
    }
}

/// An event's fields, as text.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

/// What `respond` tells of every request.
struct Request {
    method: String,
    route: String,
    status: String,
    ms: String,
}

impl Fields {
    fn take(&mut self, name: &str) -> Option<String> {
        let (_, value) = self.others.iter_mut().find(|(field, _)| *field == name)?;
        Some(mem::take(value))
    }

    fn take_request(&mut self) -> Option<Request> {
        Some(Request {
            method: self.take("method")?,
            route: self.take("route")?,
            status: self.take("status")?,
            ms: self.take("ms")?,
        })
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    /// Control characters are escaped: what a client sent must not end a line, or steer the terminal.
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = String::new();
        for character in format!("{value:?}").chars() {
            if character.is_control() {
                let _ = write!(text, "{}", character.escape_default());
            } else {
                text.push(character);
            }
        }
        if field.name() == "message" {
            self.message = text;
        } else {
            self.others.push((field.name(), text));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read as _};

    use tracing::{info, subscriber::with_default, warn};
    use tracing_subscriber::{fmt, layer::SubscriberExt as _, registry};

    use super::*;
    use crate::domain::clock::Millis;

    fn written(has_colors: bool, log: impl FnOnce()) -> String {
        let (mut output, writer) = io::pipe().unwrap();
        let lines = TextLines {
            clock: Clock::manual(Millis(1_700_000_000_123)),
            has_colors,
        };
        let lines = fmt::layer()
            .event_format(lines)
            .with_writer(move || writer.try_clone().unwrap());
        with_default(registry().with(lines), log);
        let mut text = String::new();
        output.read_to_string(&mut text).unwrap();
        text
    }

    fn refused() {
        let (method, route, cause) = ("GET", "/api/v1/sessions/me", "no token\n\u{1b}[2J");
        info!(
            method,
            route,
            status = 401,
            code = "missing_token",
            ms = 4,
            request_id = "1",
            cause,
            "refused"
        );
    }

    #[test]
    fn a_request_is_a_line_whatever_a_client_sent() {
        let line = r"22:13:20 GET    /api/v1/sessions/me 401 missing_token 4 ms (no token\n\u{1b}[2J)";
        assert_eq!(written(false, refused), format!("{line}\n"));
    }

    #[test]
    fn the_status_is_colored() {
        let line = written(true, refused);
        assert!(
            line.contains("\u{1b}[33m401 missing_token\u{1b}[0m 4 ms"),
            "{line:?}"
        );
    }

    #[test]
    fn other_events_show_all_their_fields() {
        let line = written(false, || warn!(version = 3, "the keys were replaced"));
        let expected = format!(
            "22:13:20 WARN {}: the keys were replaced version=3\n",
            module_path!()
        );
        assert_eq!(line, expected);
    }
}
