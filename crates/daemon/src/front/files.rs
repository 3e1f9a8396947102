// SPDX-License-Identifier: Apache-2.0

//! `/files/*`: what a daemon's files look like from outside.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue};
use kaon_api::json::{Dialect, JsonWriter};
use kaon_api::v1;

use super::aside;
use crate::files::{Chunk, FileError, FileInfo, Files};
use crate::http::{Body, Request, Response};

const NO_SNIFFING: HeaderName = HeaderName::from_static("x-content-type-options");

pub async fn answer(files: &Arc<Files>, endpoint: &str, request: &Request) -> Response {
    if endpoint == "debug" {
        let attached = files.attached().into_iter();
        let names = attached.map(|(name, real)| (name, real.to_string_lossy().into_owned())).collect();
        return Response::json(request, debug(&names));
    }
    let Some(path) = request.query.get("path").filter(|path| !path.is_empty()).map(str::to_owned) else {
        return Response::text(StatusCode::BAD_REQUEST, "Expecting 'path=value' in query.\n");
    };
    let answered = match endpoint {
        "browse" => browse(files, path, request).await,
        "read" => read_text(files, path, request).await,
        _ => download(files, path).await,
    };
    answered.unwrap_or_else(|response| response)
}

/// The entries of a folder.
async fn list(files: &Arc<Files>, path: String) -> Result<Vec<FileInfo>, FileError> {
    let files = files.clone();
    aside(move || files.browse(&path)).await
}

/// A part of a file.
async fn read(
    files: &Arc<Files>,
    path: String,
    offset: Option<u64>,
    length: Option<u64>,
) -> Result<Chunk, FileError> {
    let files = files.clone();
    aside(move || files.read(&path, offset, length)).await
}

/// The answer to LIST_FILES.
pub async fn list_files(files: &Arc<Files>, path: &str) -> Result<Vec<v1::FileInfo>, Response> {
    let entries = list(files, path.to_owned()).await.map_err(|error| refusal(error, ""))?;
    Ok(entries.iter().map(FileInfo::message).collect())
}

/// The answer to READ_FILE: the size of the file, and the part that was asked for.
pub async fn read_file(
    files: &Arc<Files>,
    path: &str,
    offset: u64,
    length: Option<u64>,
) -> Result<(u64, Vec<u8>), Response> {
    let chunk =
        read(files, path.to_owned(), Some(offset), length).await.map_err(|error| refusal(error, ""))?;
    Ok((chunk.size, chunk.data))
}

/// Names and what they stand for.
pub fn debug(names: &BTreeMap<String, String>) -> Vec<u8> {
    let mut out = Vec::new();
    JsonWriter::new(&mut out, Dialect::V0).object(|w| {
        for (name, real) in names {
            w.key(name);
            w.string(real);
        }
    });
    out
}

async fn browse(files: &Arc<Files>, path: String, request: &Request) -> Result<Response, Response> {
    let entries = list(files, path).await.map_err(|error| refusal(error, ""))?;
    Ok(Response::json(request, FileInfo::json(&entries)))
}

async fn read_text(files: &Arc<Files>, path: String, request: &Request) -> Result<Response, Response> {
    let offset = number(request, "offset")?;
    let length = number(request, "length")?;
    let chunk = read(files, path, offset, length).await.map_err(|error| refusal(error, ""))?;
    Ok(Response::json(request, chunk.json()))
}

/// Mesos: -1 is as if nothing were said; other negative numbers are mistakes.
fn number(request: &Request, name: &str) -> Result<Option<u64>, Response> {
    let bad = |text: String| Response::text(StatusCode::BAD_REQUEST, text);
    let Some(text) = request.query.get(name) else { return Ok(None) };
    match text.parse::<i64>() {
        Ok(-1) => Ok(None),
        Ok(number) => match u64::try_from(number) {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(bad(format!("Negative {name} provided: {number}.\n"))),
        },
        Err(_) => Err(bad(format!("Failed to parse {name}: Failed to convert '{text}' to number.\n"))),
    }
}

async fn download(files: &Arc<Files>, path: String) -> Result<Response, Response> {
    let files = files.clone();
    let found = aside(move || files.download(&path)).await;
    let download = found.map_err(|error| refusal(error, "404 Not Found."))?;
    let body = Body::File(Box::new(tokio::fs::File::from_std(download.file)), download.length);
    let response = Response { status: StatusCode::OK, headers: Vec::new(), body, lease: None };
    let mut response = response.with(CONTENT_TYPE, "application/octet-stream").with(NO_SNIFFING, "nosniff");
    response.headers.insert(0, (CONTENT_DISPOSITION, disposition(&download.name)));
    Ok(response)
}

/// Mesos writes the name bare; what would end it early is left out here, since tasks choose the names.
fn disposition(name: &str) -> HeaderValue {
    let plain: String =
        name.chars().filter(|sign| sign.is_ascii_graphic() && !"\"\\;,".contains(*sign)).collect();
    let plain = if plain.is_empty() { "file" } else { &plain };
    HeaderValue::from_str(&format!("attachment; filename={plain}")).expect("graphic signs are header values")
}

/// Mesos: what is not there is told without a word, but for downloads.
fn refusal(error: FileError, not_found: &'static str) -> Response {
    let failed =
        |error: &dyn Display| Response::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}.\n"));
    match error {
        FileError::NotFound => Response::text(StatusCode::NOT_FOUND, not_found),
        FileError::Bad(text) => Response::text(StatusCode::BAD_REQUEST, text),
        FileError::Failed(error) => failed(&error),
    }
}
