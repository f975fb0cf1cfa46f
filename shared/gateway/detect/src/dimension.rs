//! A dimension as it is kept, and the operations on dimensions.
//!
//! Source: the API reference of the operations; "Scoping metrics in security profiles using dimensions" of the guide.

use crate::book::{DIMENSIONS, Detect, json};
use behaviors::topics;
use drydock_core::{ApiError, Done, ErrorCode, Timestamp, Write, page};
use drydock_model::iot::{
    CreateDimensionRequest, CreateDimensionResponse, DeleteDimensionRequest, DeleteDimensionResponse,
    DescribeDimensionRequest, DescribeDimensionResponse, DimensionType, ListDimensionsRequest, ListDimensionsResponse,
    UpdateDimensionRequest, UpdateDimensionResponse,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// The most dimensions of an account.
const MOST: usize = 10;
/// The most values of one ("AWS IoT Device Defender Detect limits").
const VALUES: usize = 5;

/// A dimension of the type `TOPIC_FILTER`, which is the only one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DimensionRow {
    pub(crate) values: Vec<String>,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    token: String,
}

fn check(values: &[String]) -> Result<(), ApiError> {
    if values.len() > VALUES {
        return Err(ApiError::invalid(format!("a dimension has at most {VALUES} values, not {}", values.len())));
    }
    match values.iter().find(|value| !topics::is_filter(value)) {
        Some(value) => Err(ApiError::invalid(format!("`{value:.256}` is not a topic filter"))),
        None => Ok(()),
    }
}

impl Detect {
    /// Whether there is a dimension of this name.
    #[must_use]
    pub fn knows_dimension(&self, name: &str) -> bool {
        self.dimensions.contains_key(name)
    }

    fn dimension(&self, name: &str) -> Result<&DimensionRow, ApiError> {
        self.dimensions.get(name).ok_or_else(|| ApiError::not_found(format!("there is no dimension `{name:.128}`")))
    }

    fn dimension_arn(&self, name: &str) -> String {
        self.scope.arn("iot", &format!("dimension/{name}")).into()
    }

    /// "CreateDimension". A request that comes again with its token makes nothing new.
    ///
    /// # Errors
    /// `ResourceAlreadyExistsException`; `LimitExceededException` for more than 10; `InvalidRequestException` for values that are
    /// not topic filters.
    pub fn create_dimension(
        &mut self,
        request: CreateDimensionRequest,
        now: Timestamp,
    ) -> Result<Done<CreateDimensionResponse>, ApiError> {
        let CreateDimensionRequest { client_request_token: token, name, string_values: values, .. } = request;
        let arn = self.dimension_arn(&name);
        let reply = CreateDimensionResponse { arn: Some(arn.clone()), name: Some(name.clone()) };
        if let Some(row) = self.dimensions.get(name.as_str()) {
            return if row.token == token && row.values == values {
                Ok(Done::reply(reply))
            } else {
                Err(ApiError::exists(format!("there is a dimension `{name}` already"), name, arn))
            };
        }
        check(&values)?;
        if self.dimensions.len() >= MOST {
            let why = format!("an account has at most {MOST} dimensions");
            return Err(ApiError::new(ErrorCode::LimitExceededException, why));
        }
        let row = DimensionRow { values, created: now, modified: now, token };
        let write = Write::put(DIMENSIONS, name.as_str(), json(&row));
        self.dimensions.insert(name.into(), row);
        Ok(Done::written(reply, vec![write]))
    }

    /// "UpdateDimension".
    ///
    /// # Errors
    /// `ResourceNotFoundException`; `InvalidRequestException` for values that are not topic filters.
    pub fn update_dimension(
        &mut self,
        request: UpdateDimensionRequest,
        now: Timestamp,
    ) -> Result<Done<UpdateDimensionResponse>, ApiError> {
        let name = request.name;
        let mut row = self.dimension(&name)?.clone();
        check(&request.string_values)?;
        (row.values, row.modified) = (request.string_values, now);
        let write = Write::put(DIMENSIONS, name.as_str(), json(&row));
        let reply = UpdateDimensionResponse {
            arn: Some(self.dimension_arn(&name)),
            creation_date: Some(row.created),
            last_modified_date: Some(row.modified),
            string_values: Some(row.values.clone()),
            type_: Some(DimensionType::TopicFilter),
            name: Some(name.clone()),
        };
        self.dimensions.insert(name.into(), row);
        Ok(Done::written(reply, vec![write]))
    }

    /// "DescribeDimension".
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn describe_dimension(
        &self,
        request: &DescribeDimensionRequest,
    ) -> Result<DescribeDimensionResponse, ApiError> {
        let row = self.dimension(&request.name)?;
        Ok(DescribeDimensionResponse {
            arn: Some(self.dimension_arn(&request.name)),
            creation_date: Some(row.created),
            last_modified_date: Some(row.modified),
            name: Some(request.name.clone()),
            string_values: Some(row.values.clone()),
            type_: Some(DimensionType::TopicFilter),
        })
    }

    /// "DeleteDimension". One that is not there is deleted: AWS has no error for it.
    ///
    /// # Errors
    /// `InvalidRequestException` while a security profile names it.
    pub fn delete_dimension(
        &mut self,
        request: &DeleteDimensionRequest,
    ) -> Result<Done<DeleteDimensionResponse>, ApiError> {
        let name = request.name.as_str();
        let uses = |dimension: Option<&behaviors::Dimension>| dimension.is_some_and(|of| of.dimension_name == name);
        let user = self.profiles.iter().find(|(_, row)| row.measures().any(|(_, dimension, _)| uses(dimension)));
        if let Some((profile, _)) = user {
            return Err(ApiError::invalid(format!("the security profile `{profile}` names the dimension `{name}`")));
        }
        let gone = self.dimensions.remove(name).map(|_| Write::delete(DIMENSIONS, name));
        Ok(Done::written(DeleteDimensionResponse {}, gone.into_iter().collect()))
    }

    /// "ListDimensions".
    ///
    /// # Errors
    /// `InvalidRequestException` for a token that is not one of this operation.
    pub fn list_dimensions(&self, request: &ListDimensionsRequest) -> Result<ListDimensionsResponse, ApiError> {
        let names = self.dimensions.keys();
        let (names, next_token) =
            names_page("ListDimensions", names, request.next_token.as_deref(), request.max_results)?;
        Ok(ListDimensionsResponse { dimension_names: Some(names), next_token })
    }
}

/// A page of names.
pub(crate) fn names_page<'n>(
    operation: &str,
    names: impl Iterator<Item = &'n SmolStr>,
    token: Option<&str>,
    size: Option<i32>,
) -> Result<(Vec<String>, Option<String>), ApiError> {
    let after = token.map(|token| page::place(operation, token)).transpose()?;
    let left = names.filter(|name| after.as_ref().is_none_or(|after| name.as_str() > after.as_str()));
    let (page, next) = page::cut(left, page_size(size), ToString::to_string);
    Ok((page.into_iter().map(ToString::to_string).collect(), next.map(|place| page::token(operation, &place))))
}

/// Entries of a page: as many as the caller wants, and 25 where nothing is said.
pub(crate) fn page_size(size: Option<i32>) -> usize {
    size.and_then(|size| usize::try_from(size).ok()).unwrap_or(25)
}
