//! "ListThings". Without a filter it goes by name; with one it goes by an index, whose order (value, then place on the shelf) a
//! restart may change: a token of a filtered list is good as long as the process runs.

use crate::principals::{page_size, slot_place};
use crate::registry::Registry;
use crate::shelf::{Slot, Thing};
use drydock_core::{ApiError, Done, ThingTypeName, page};
use drydock_model::iot::{ListThingsRequest, ListThingsResponse, ThingAttribute};

const OPERATION: &str = "ListThings";

impl Registry {
    /// "ListThings": all by name, or those with an attribute or of a type, by an index.
    ///
    /// # Errors
    /// `InvalidRequestException` where the token is not one of this operation, a value is given without its name, or both an
    /// attribute and a type are asked for.
    pub fn list_things(&self, request: &ListThingsRequest) -> Result<Done<ListThingsResponse>, ApiError> {
        let (things, next) = match (&request.attribute_name, &request.thing_type_name) {
            (Some(_), Some(_)) => {
                // AWS's own words.
                let message = "Listing things by the combination of attribute and thing type is not supported";
                return Err(ApiError::invalid(message));
            }
            (Some(name), None) => self.by_attribute(request, name)?,
            (None, _) if request.attribute_value.is_some() => {
                return Err(ApiError::invalid("`attributeValue` is of use only with `attributeName`"));
            }
            (None, Some(thing_type)) => self.by_type(request, thing_type)?,
            (None, None) => self.by_name(request)?,
        };
        let things = Some(things.into_iter().map(|thing| self.summary(thing)).collect());
        let next_token = next.map(|place| page::token(OPERATION, &place));
        Ok(Done::reply(ListThingsResponse { next_token, things }))
    }

    fn by_name(&self, request: &ListThingsRequest) -> Result<(Vec<&Thing>, Option<String>), ApiError> {
        let after = request.next_token.as_deref().map(|token| page::place(OPERATION, token)).transpose()?;
        let things = self.shelf.after(after.as_deref());
        Ok(page::cut(things, page_size(request.max_results), |thing| thing.name.to_string()))
    }

    fn by_type(
        &self,
        request: &ListThingsRequest,
        thing_type: &str,
    ) -> Result<(Vec<&Thing>, Option<String>), ApiError> {
        let thing_type = ThingTypeName::new(thing_type)?;
        let after = request.next_token.as_deref().map(|token| slot_place(OPERATION, token)).transpose()?;
        let things = self.shelf.of_type(&thing_type, after);
        let (page, next) = page::cut(things, page_size(request.max_results), |(slot, _)| slot.to_string());
        Ok((page.into_iter().map(|(_, thing)| thing).collect(), next))
    }

    fn by_attribute(&self, request: &ListThingsRequest, name: &str) -> Result<(Vec<&Thing>, Option<String>), ApiError> {
        let after = match request.next_token.as_deref() {
            None => None,
            Some(token) => {
                let place = page::place(OPERATION, token)?;
                let (slot, value) = place.split_once(' ').unwrap_or_default();
                let slot: Slot =
                    slot.parse().map_err(|_| ApiError::invalid("the token belongs to a list with other filters"))?;
                Some((value.to_owned(), slot))
            }
        };
        // Without a value, any will do.
        let value = request.attribute_value.as_deref();
        let prefix = request.use_prefix_attribute_value == Some(true) || value.is_none();
        let after = after.as_ref().map(|(value, slot)| (value.as_str(), *slot));
        let things = self.shelf.with_attribute(name, value.unwrap_or_default(), prefix, after);
        let at = |(value, slot, _): &(&str, Slot, &Thing)| format!("{slot} {value}");
        let (page, next) = page::cut(things, page_size(request.max_results), at);
        Ok((page.into_iter().map(|(_, _, thing)| thing).collect(), next))
    }

    fn summary(&self, thing: &Thing) -> ThingAttribute {
        ThingAttribute {
            attributes: Some(self.wire_attributes(thing)),
            thing_arn: Some(self.scope.thing(&thing.name).into()),
            thing_name: Some(thing.name.to_string()),
            thing_type_name: thing.thing_type.as_ref().map(ToString::to_string),
            version: Some(thing.version),
        }
    }
}
