//! Lists of objects and of their versions, by page, and with a delimiter by folder.

use super::S3;
use super::object::ObjectRow;
use super::objects::{no_bucket, time};
use super::state::Bucket;
use super::versions::{Marker, is_id};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{
    ChecksumAlgorithm, ChecksumType, CommonPrefix, DeleteMarkerEntry, ETag, EncodingType, ListObjectVersionsInput,
    ListObjectVersionsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, Object,
    ObjectStorageClass, ObjectVersion, ObjectVersionStorageClass, Owner,
};
use s3s::{S3Result, s3_error};
use std::ops::Bound;
use std::sync::Arc;

/// The most entries of a page.
const MOST: i32 = 1000;
/// What `EncodingType=url` leaves as it is.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');

/// One page.
#[derive(Default)]
struct Page {
    objects: Vec<(String, Arc<ObjectRow>)>,
    folders: Vec<String>,
    /// The last entry, where more follow.
    more_after: Option<String>,
}

/// Entries behind `after`, objects and folders in one order.
fn page(bucket: &Bucket, prefix: &str, delimiter: Option<&str>, after: &str, most: usize) -> Page {
    let mut page = Page::default();
    let mut last = String::new();
    let mut from = if after >= prefix && !after.is_empty() {
        // Behind a folder is behind all that is in it.
        match folder(after, prefix, delimiter).filter(|folder| *folder == after) {
            Some(folder) => beyond(folder),
            None => Bound::Excluded(after.to_owned()),
        }
    } else {
        Bound::Included(prefix.to_owned())
    };
    let mut count = 0;
    while let Some((key, row)) = bucket.next(as_str(&from)).filter(|(key, _)| key.starts_with(prefix)) {
        if count == most {
            // A page of nothing has nothing to go on from.
            page.more_after = (most > 0).then_some(last);
            break;
        }
        count += 1;
        match folder(key, prefix, delimiter) {
            Some(folder) => {
                from = beyond(folder);
                folder.clone_into(&mut last);
                page.folders.push(folder.to_owned());
            }
            None => {
                page.objects.push((key.to_owned(), Arc::clone(row)));
                key.clone_into(&mut last);
                from = Bound::Excluded(key.to_owned());
            }
        }
    }
    page
}

/// The folder that a key is in: the key up to and with the first delimiter behind the prefix.
fn folder<'a>(key: &'a str, prefix: &str, delimiter: Option<&str>) -> Option<&'a str> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let at = key.get(prefix.len()..)?.find(delimiter)?;
    key.get(..prefix.len() + at + delimiter.len())
}

/// Behind every key that begins with a folder.
fn beyond(folder: &str) -> Bound<String> {
    let mut end = folder.to_owned();
    while let Some(last) = end.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            end.push(next);
            return Bound::Included(end);
        }
    }
    Bound::Excluded(folder.to_owned())
}

fn as_str(bound: &Bound<String>) -> Bound<&str> {
    bound.as_ref().map(String::as_str)
}

fn count(asked: Option<i32>) -> S3Result<(i32, usize)> {
    let asked = asked.unwrap_or(MOST);
    let most = usize::try_from(asked.min(MOST))
        .map_err(|_| s3_error!(InvalidArgument, "Argument maxKeys must be an integer between 0 and 2147483647"))?;
    Ok((asked.min(MOST), most))
}

fn is_url(encoding: Option<&EncodingType>) -> S3Result<bool> {
    match encoding.map(EncodingType::as_str) {
        None => Ok(false),
        Some(EncodingType::URL) => Ok(true),
        Some(_) => Err(s3_error!(InvalidArgument, "Invalid Encoding Method specified in Request")),
    }
}

fn encoded(text: String, url: bool) -> String {
    if url { utf8_percent_encode(&text, KEPT).to_string().replace("%20", "+") } else { text }
}

fn object(key: String, row: &ObjectRow, owner: Option<&str>, url: bool) -> Object {
    let sums: Vec<ChecksumAlgorithm> = row.sums.keys().map(|name| ChecksumAlgorithm::from(name.clone())).collect();
    let kind = if row.composite { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT };
    Object {
        key: Some(encoded(key, url)),
        size: i64::try_from(row.size).ok(),
        e_tag: Some(ETag::Strong(row.etag.clone())),
        last_modified: Some(time(row.modified)),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        checksum_type: (!sums.is_empty()).then(|| ChecksumType::from_static(kind)),
        checksum_algorithm: Some(sums),
        owner: owner.map(|id| Owner { display_name: None, id: Some(id.to_owned()) }),
        ..Object::default()
    }
}

fn folders(names: Vec<String>, url: bool) -> Vec<CommonPrefix> {
    names.into_iter().map(|name| CommonPrefix { prefix: Some(encoded(name, url)) }).collect()
}

/// ListObjectsV2.
pub(super) fn second(s3: &S3, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let url = is_url(input.encoding_type.as_ref())?;
    let (max_keys, most) = count(input.max_keys)?;
    let after = match &input.continuation_token {
        Some(token) => URL_SAFE_NO_PAD
            .decode(token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))?,
        None => input.start_after.clone().unwrap_or_default(),
    };
    let prefix = input.prefix.unwrap_or_default();
    let found = {
        let state = s3.state();
        let bucket = state.bucket(&input.bucket).ok_or_else(no_bucket)?;
        page(bucket, &prefix, input.delimiter.as_deref(), &after, most)
    };
    let account = s3.context.config.scope.account.as_str();
    let owner = input.fetch_owner.filter(|wanted| *wanted).map(|_| account);
    Ok(ListObjectsV2Output {
        key_count: i32::try_from(found.objects.len() + found.folders.len()).ok(),
        is_truncated: Some(found.more_after.is_some()),
        next_continuation_token: found.more_after.map(|last| URL_SAFE_NO_PAD.encode(last)),
        contents: Some(found.objects.into_iter().map(|(key, row)| object(key, &row, owner, url)).collect()),
        common_prefixes: Some(folders(found.folders, url)),
        name: Some(input.bucket),
        prefix: Some(encoded(prefix, url)),
        delimiter: input.delimiter.map(|text| encoded(text, url)),
        start_after: input.start_after.map(|text| encoded(text, url)),
        continuation_token: input.continuation_token,
        encoding_type: input.encoding_type,
        max_keys: Some(max_keys),
        ..ListObjectsV2Output::default()
    })
}

/// ListObjects, the first version.
pub(super) fn first(s3: &S3, input: ListObjectsInput) -> S3Result<ListObjectsOutput> {
    let url = is_url(input.encoding_type.as_ref())?;
    let (max_keys, most) = count(input.max_keys)?;
    let prefix = input.prefix.unwrap_or_default();
    let marker = input.marker.unwrap_or_default();
    let found = {
        let state = s3.state();
        let bucket = state.bucket(&input.bucket).ok_or_else(no_bucket)?;
        page(bucket, &prefix, input.delimiter.as_deref(), &marker, most)
    };
    let account = s3.context.config.scope.account.as_str();
    let is_truncated = found.more_after.is_some();
    // Without a delimiter the last key is what to go on from.
    let next = found.more_after.filter(|_| input.delimiter.is_some()).map(|last| encoded(last, url));
    Ok(ListObjectsOutput {
        is_truncated: Some(is_truncated),
        next_marker: next,
        contents: Some(found.objects.into_iter().map(|(key, row)| object(key, &row, Some(account), url)).collect()),
        common_prefixes: Some(folders(found.folders, url)),
        name: Some(input.bucket),
        prefix: Some(encoded(prefix, url)),
        marker: Some(encoded(marker, url)),
        delimiter: input.delimiter.map(|text| encoded(text, url)),
        encoding_type: input.encoding_type,
        max_keys: Some(max_keys),
        ..ListObjectsOutput::default()
    })
}

/// What is behind a key in a list of versions: where the next page begins.
#[derive(Default)]
struct After {
    key: String,
    /// The version behind which it begins; behind all of the key where there is none.
    version: Option<String>,
}

/// One page of versions.
#[derive(Default)]
struct Versions {
    objects: Vec<ObjectVersion>,
    markers: Vec<DeleteMarkerEntry>,
    folders: Vec<String>,
    more_after: Option<After>,
}

/// The versions and delete markers of a key, the newest first.
fn of_key<'b>(bucket: &'b Bucket, key: &str) -> impl Iterator<Item = Result<&'b ObjectRow, &'b Marker>> {
    let current = bucket.objects.get(key).map(|row| Ok(&**row));
    let history = bucket.history.get(key).map(Vec::as_slice).unwrap_or_default();
    let older = history.iter().rev().filter_map(|entry| {
        let object = entry.object().map(Ok);
        object.or_else(|| entry.marker().map(Err))
    });
    current.into_iter().chain(older)
}

/// The page behind a place: by key, and of a key the newest first.
fn page_of_versions(
    bucket: &Bucket,
    prefix: &str,
    delimiter: Option<&str>,
    after: After,
    most: usize,
    shown: impl Fn(&mut Versions, &str, Result<&ObjectRow, &Marker>, bool),
) -> Versions {
    let mut page = Versions::default();
    let After { key: after, version: mut behind } = after;
    let mut from = if after.as_str() < prefix || after.is_empty() {
        behind = None;
        Bound::Included(prefix.to_owned())
    } else if let Some(folder) = folder(&after, prefix, delimiter).filter(|folder| *folder == after) {
        beyond(folder)
    } else if behind.is_some() {
        Bound::Included(after.clone())
    } else {
        Bound::Excluded(after.clone())
    };
    let mut last = After::default();
    let mut count = 0;
    while let Some(key) = bucket.next_key(as_str(&from)).filter(|key| key.starts_with(prefix)) {
        if let Some(folder) = folder(key, prefix, delimiter) {
            if count == most {
                page.more_after = (most > 0).then_some(last);
                return page;
            }
            count += 1;
            from = beyond(folder);
            last = After { key: folder.to_owned(), version: None };
            page.folders.push(folder.to_owned());
            continue;
        }
        let id = |found: &Result<&ObjectRow, &Marker>| {
            let version = match found {
                Ok(row) => row.version.as_deref(),
                Err(marker) => marker.version.as_deref(),
            };
            version.unwrap_or(super::versions::NULL).to_owned()
        };
        // A version that was deleted since is not found: its key is gone on with from the beginning.
        let skipped = behind
            .take()
            .filter(|_| key == after)
            .map_or(0, |version| of_key(bucket, key).position(|found| id(&found) == version).map_or(0, |at| at + 1));
        for (at, found) in of_key(bucket, key).enumerate().skip(skipped) {
            if count == most {
                page.more_after = (most > 0).then_some(last);
                return page;
            }
            count += 1;
            last = After { key: key.to_owned(), version: Some(id(&found)) };
            shown(&mut page, key, found, at == 0);
        }
        from = Bound::Excluded(key.to_owned());
    }
    page
}

/// ListObjectVersions.
pub(super) fn versions(s3: &S3, input: ListObjectVersionsInput) -> S3Result<ListObjectVersionsOutput> {
    let url = is_url(input.encoding_type.as_ref())?;
    let (max_keys, most) = count(input.max_keys)?;
    let prefix = input.prefix.unwrap_or_default();
    let version = input.version_id_marker.clone().filter(|version| !version.is_empty());
    match (&input.key_marker, &version) {
        (None, Some(_)) => {
            return Err(s3_error!(InvalidArgument, "A version-id marker cannot be specified without a key marker."));
        }
        (_, Some(version)) if !is_id(version) => return Err(super::objects::bad_version()),
        _ => {}
    }
    let after = After { key: input.key_marker.clone().unwrap_or_default(), version };
    let account = s3.context.config.scope.account.as_str();
    let owner = || Some(Owner { display_name: None, id: Some(account.to_owned()) });
    let found = {
        let state = s3.state();
        let bucket = state.bucket(&input.bucket).ok_or_else(no_bucket)?;
        let named = |version: Option<&str>| Some(version.unwrap_or(super::versions::NULL).to_owned());
        page_of_versions(bucket, &prefix, input.delimiter.as_deref(), after, most, |page, key, found, latest| {
            let key = key.to_owned();
            match found {
                Ok(row) => {
                    let object = object(key, row, None, url);
                    page.objects.push(ObjectVersion {
                        checksum_algorithm: object.checksum_algorithm,
                        checksum_type: object.checksum_type,
                        e_tag: object.e_tag,
                        is_latest: Some(latest),
                        key: object.key,
                        last_modified: object.last_modified,
                        owner: owner(),
                        size: object.size,
                        storage_class: Some(ObjectVersionStorageClass::from_static(
                            ObjectVersionStorageClass::STANDARD,
                        )),
                        version_id: named(row.version.as_deref()),
                        ..ObjectVersion::default()
                    });
                }
                Err(marker) => page.markers.push(DeleteMarkerEntry {
                    is_latest: Some(latest),
                    key: Some(encoded(key, url)),
                    last_modified: Some(time(marker.modified)),
                    owner: owner(),
                    version_id: named(marker.version.as_deref()),
                }),
            }
        })
    };
    let is_truncated = Some(found.more_after.is_some());
    let (next_key, next_version) = found.more_after.map(|after| (after.key, after.version)).unzip();
    Ok(ListObjectVersionsOutput {
        common_prefixes: Some(folders(found.folders, url)),
        delete_markers: Some(found.markers),
        delimiter: input.delimiter.map(|text| encoded(text, url)),
        encoding_type: input.encoding_type,
        is_truncated,
        key_marker: Some(encoded(input.key_marker.unwrap_or_default(), url)),
        max_keys: Some(max_keys),
        name: Some(input.bucket),
        next_key_marker: next_key.map(|key| encoded(key, url)),
        next_version_id_marker: next_version.flatten(),
        prefix: Some(encoded(prefix, url)),
        version_id_marker: input.version_id_marker,
        versions: Some(found.objects),
        ..ListObjectVersionsOutput::default()
    })
}
