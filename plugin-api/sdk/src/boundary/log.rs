//! Forwards `tracing` events of the plugin to the host, with their fields, their spans and the call they belong to.
//!
//! A plugin file has a tracing of its own, so the subscriber is installed once per generation.

use std::{
    fmt::{Debug, Write},
    sync::Once,
};

use bindery_abi::{HostApi, LogRecord};
use serde_json::{Map, Value, json};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

use super::guard;

/// Sends everything to the host from now on.
pub(super) fn install(host: HostApi) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let level = match (host.vt.log_level())(&host.ctx) {
            0 => LevelFilter::OFF,
            1 => LevelFilter::ERROR,
            2 => LevelFilter::WARN,
            3 => LevelFilter::INFO,
            4 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        };
        let subscriber = tracing_subscriber::registry().with(Forward { host, level });
        // A second subscriber can only be there where the author installed one: then it is theirs to forward.
        let _ = tracing::subscriber::set_global_default(subscriber);
    });
}

struct Forward {
    host: HostApi,
    level: LevelFilter,
}

/// The fields of a span, kept until it closes.
struct SpanFields(Map<String, Value>);

#[derive(Default)]
struct Fields {
    message: String,
    map: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        self.map.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
        } else {
            self.put(field, format!("{value:?}").into());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" { self.message.push_str(value) } else { self.put(field, value.into()) }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Forward {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, cx: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = cx.span(id) {
            span.extensions_mut().insert(SpanFields(fields.map));
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, cx: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        if let Some(span) = cx.span(id)
            && let Some(known) = span.extensions_mut().get_mut::<SpanFields>()
        {
            known.0.append(&mut fields.map);
        }
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let scope = cx.event_scope(event).into_iter().flat_map(tracing_subscriber::registry::Scope::from_root);
        let spans: Vec<Value> = scope
            .map(|span| {
                let fields = span.extensions().get::<SpanFields>().map(|fields| fields.0.clone());
                json!({"name": span.name(), "fields": fields})
            })
            .collect();
        let (fields_json, spans) = (Value::Object(fields.map).to_string(), Value::Array(spans).to_string());
        let metadata = event.metadata();
        let record = LogRecord {
            call: guard::current_call(),
            level: number(*metadata.level()),
            target: metadata.target().into(),
            message: fields.message.as_str().into(),
            fields_json: fields_json.as_str().into(),
            spans: spans.as_str().into(),
            file: metadata.file().unwrap_or_default().into(),
            line: metadata.line().unwrap_or(0),
        };
        (self.host.vt.log())(&self.host.ctx, &record);
    }
}

fn number(level: Level) -> u8 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}
