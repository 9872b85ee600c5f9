//! The wire form of contract 1, held by files: `golden/v1/<op>.<request|answer>[.<form>].json` is the header of a frame,
//! byte for byte as it was first written.
//!
//! A file is never edited. A type that changes its wire form fails here, since plugins and hosts of the old form are out
//! there; what is new is added beside it.

mod host;
mod op;
mod service;

use std::{fs, path::PathBuf};

use bindery_contract::{
    Error, ErrorClass, FieldDecl, FieldType, Frame,
    http::Body,
    manifest::{Direction, Place, RecordOp, Step},
    op::{Exported, SyncAnswer},
    record::{External, Page},
    service::{Enqueue, Task},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// One payload: a value with everything set, and the least that an older peer sends.
pub struct Example {
    name: &'static str,
    encoded: Vec<u8>,
    /// Decodes and encodes again.
    again: fn(&[u8]) -> Result<Vec<u8>, String>,
    least: &'static str,
}

/// A payload whose members may all be missing.
pub fn example<T: Serialize + DeserializeOwned>(name: &'static str, value: T) -> Example {
    example_of(name, value, "{}")
}

/// A payload with the least that must be there.
pub fn example_of<T: Serialize + DeserializeOwned>(name: &'static str, value: T, least: &'static str) -> Example {
    let again = |bytes: &[u8]| {
        let value: T = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        serde_json::to_vec(&value).map_err(|error| error.to_string())
    };
    Example { name, encoded: serde_json::to_vec(&value).expect("it is JSON"), again, least }
}

fn examples() -> Vec<Example> {
    [op::examples(), host::examples(), service::examples()].into_iter().flatten().collect()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/v1")
}

/// What is on file. One that is missing is written where `BINDERY_UPDATE` asks for it; one that is there never is.
fn golden(name: &str, encoded: &[u8]) -> Vec<u8> {
    let path = folder().join(name);
    if !path.is_file() && std::env::var_os("BINDERY_UPDATE").is_some() {
        fs::write(&path, encoded).expect("the folder of golden payloads can be written");
    }
    fs::read(&path).unwrap_or_else(|_| {
        panic!(
            "golden/v1/{name} is not there. A new payload gets its file by `BINDERY_UPDATE=1 cargo nextest run -p \
             bindery-contract`; commit it. One that was there must come back: it is never removed."
        )
    })
}

const CURE: &str = "Its wire form is what released plugins and hosts send and read, so the file is never edited. Undo the \
                    change, or add beside it: a new field with `serde(default, skip_serializing_if)`, a new enum arm, a \
                    new op. (Until the first release, remove the file and write it anew with `BINDERY_UPDATE=1 cargo \
                    nextest run -p bindery-contract`.)";

#[test]
fn every_payload_is_encoded_as_it_was_first() {
    for example in examples() {
        let file = golden(&format!("{}.json", example.name), &example.encoded);
        let (file, encoded) = (String::from_utf8_lossy(&file), String::from_utf8_lossy(&example.encoded));
        assert_eq!(encoded, file, "{} is not encoded any more as golden/v1 has it. {CURE}", example.name);
    }
}

#[test]
fn every_golden_payload_is_read_in_full() {
    for example in examples() {
        let file = golden(&format!("{}.json", example.name), &example.encoded);
        let again = (example.again)(&file).unwrap_or_else(|why| panic!("{}: {why}. {CURE}", example.name));
        let (again, file) = (String::from_utf8_lossy(&again), String::from_utf8_lossy(&file));
        assert_eq!(again, file, "{} loses something of golden/v1 when it is read. {CURE}", example.name);
    }
}

#[test]
fn what_an_older_peer_leaves_out_has_a_default() {
    for example in examples() {
        (example.again)(example.least.as_bytes()).unwrap_or_else(|why| {
            panic!(
                "{} can't be read from {}: {why}. A field that was added needs a default.",
                example.name, example.least
            )
        });
    }
}

#[test]
fn what_a_newer_peer_adds_is_ignored_at_every_level() {
    for example in examples() {
        let file = golden(&format!("{}.json", example.name), &example.encoded);
        let text = String::from_utf8_lossy(&file).into_owned();
        let rest = text.strip_prefix('{').unwrap_or_else(|| panic!("{} is no object", example.name));
        let comma = if rest == "}" { "" } else { "," };
        let wider = format!(r#"{{"from_a_newer_contract":{{"nested":[1,null]}}{comma}{rest}"#);
        let again = (example.again)(wider.as_bytes());
        let again = again.unwrap_or_else(|why| panic!("{} refuses what it does not know: {why}", example.name));
        assert_eq!(String::from_utf8_lossy(&again), text, "{}", example.name);
        let mut value: Value = serde_json::from_str(&text).expect("a golden payload is JSON");
        add_everywhere(&mut value);
        (example.again)(value.to_string().as_bytes())
            .unwrap_or_else(|why| panic!("{} refuses what it does not know, deep inside: {why}", example.name));
    }
}

/// A member more in every object.
fn add_everywhere(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(add_everywhere);
            members.insert("from_a_newer_contract".to_owned(), Value::Object(Map::new()));
        }
        Value::Array(entries) => entries.iter_mut().for_each(add_everywhere),
        _ => {}
    }
}

/// Reads JSON of the next contract.
fn read<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text)
        .unwrap_or_else(|error| panic!("{text}: {error}; every enum has an arm for what is newer"))
}

#[test]
fn an_arm_of_a_newer_contract_is_unknown_and_does_not_spoil_what_is_around_it() {
    assert_eq!(read::<Step>(r#""returns""#), Step::Unknown);
    assert_eq!(read::<Direction>(r#""mirror""#), Direction::Unknown);
    assert_eq!(read::<Place>(r#""before""#), Place::Unknown);
    assert_eq!(read::<RecordOp>(r#""merge""#), RecordOp::Unknown);
    assert_eq!(read::<ErrorClass>(r#""on_strike""#), ErrorClass::Unknown);
    assert_eq!(read::<FieldType>(r#"{"type":"geo","srid":4326}"#), FieldType::Unknown);
    assert_eq!(read::<SyncAnswer>(r#"{"how":"later","at":"noon"}"#), SyncAnswer::Unknown);
    assert_eq!(read::<Page>(r#"{"form":"stream","handle":5}"#), Page::Unknown);
    assert_eq!(read::<External>(r#"{"form":"patch","diff":[]}"#), External::Unknown);
    assert_eq!(read::<Exported>(r#"{"result":"merge","with":7}"#), Exported::Unknown);
    assert_eq!(read::<Body>(r#"{"kind":"graphql","query":"{a}"}"#), Body::Unknown);
    assert_eq!(read::<Task>(r#"{"do":"verify","kind":"a.b"}"#), Task::Unknown);
    let field: FieldDecl = read(r#"{"name":"place","type":"geo","srid":4326,"required":true}"#);
    assert_eq!((field.name.as_str(), field.field_type, field.required), ("place", FieldType::Unknown, true));
    let error: Error = read(r#"{"class":"on_strike","message":"closed"}"#);
    assert_eq!((error.class, error.message.as_str()), (ErrorClass::Unknown, "closed"));
    let job: Enqueue = read(r#"{"task":{"do":"verify"},"priority":3}"#);
    assert_eq!((job.task, job.priority), (Task::Unknown, Some(3)));
}

#[test]
fn every_op_and_every_service_has_its_golden_payloads() {
    let names: Vec<&str> = examples().iter().map(|example| example.name).collect();
    for source in [include_str!("../../src/op.rs"), include_str!("../../src/service.rs")] {
        let constants = source.lines().filter_map(|line| line.strip_prefix("pub const ")?.split_once(": &str = \""));
        for (_, rest) in constants {
            let op = rest.trim_end_matches("\";");
            for part in ["request", "answer"] {
                let start = format!("{op}.{part}");
                let is_there = |name: &&str| **name == start || name.starts_with(&format!("{start}."));
                assert!(names.iter().any(is_there), "{start} has no golden payload; add it to tests/golden");
            }
        }
    }
}

#[test]
fn every_golden_file_is_still_compared() {
    let names: Vec<String> = examples().iter().map(|example| format!("{}.json", example.name)).collect();
    for entry in fs::read_dir(folder()).expect("it is in the repository").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(names.contains(&name) || name == FRAME, "golden/v1/{name} is compared by no test any more");
    }
}

const FRAME: &str = "prepare.request.frame";

#[test]
fn a_frame_with_segments_is_laid_out_as_it_was_first() {
    let request = examples().into_iter().find(|example| example.name == "prepare.request").expect("it is listed");
    let header: Box<serde_json::value::RawValue> = serde_json::from_slice(&request.encoded).expect("JSON");
    let segments: [&[u8]; 2] = [br#"{"id":7,"price":12.30}"#, b"\xff\x00 raw"];
    let encoded = Frame::encode(&header, &segments).expect("small");
    let file = golden(FRAME, &encoded);
    assert!(encoded == file, "frames are not laid out any more as golden/v1/{FRAME} has it. {CURE}");
    let frame = Frame::decode(&file).expect("it is whole");
    assert_eq!(frame.segments, segments);
    assert_eq!(frame.header, header.get().as_bytes());
}
